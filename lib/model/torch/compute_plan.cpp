#include "lib/model/torch/compute_plan.h"

#include <ATen/ATen.h>
#include <ATen/cpu/Utils.h>
#include <glib.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace clipembed {
namespace {

using Clock = std::chrono::steady_clock;

// Rows of activations a pass that keep the cores busy and stay in the cache: 16 pictures of ViT-B/32.
// Measured with bench/tower: docs/performance.md.
constexpr std::int64_t kCpuRows = 800;
constexpr int kGpuMicroBatch = 64;

// Below this an fp32 matrix product is not a tuned BLAS: the reference one reaches 1 to 2 GFLOP/s.
constexpr double kReferenceBlasGflops = 6.0;

Result<c10::Device> cuda_device(std::string_view text) {
  int index = 0;
  if (text.size() > 5) {
    const auto [end, error] = std::from_chars(text.data() + 5, text.data() + text.size(), index);
    if (error != std::errc() || end != text.data() + text.size() || index < 0) {
      return Error{Error::Kind::kSettings, "device=" + std::string(text) + ": write cuda or cuda:N"};
    }
  }
  const auto count = static_cast<int>(at::hasCUDA() ? at::getNumGPUs() : 0);
  if (index >= count) {
    return Error{Error::Kind::kSettings, "device=" + std::string(text) + ": this machine shows LibTorch " +
                                             std::to_string(count) + " CUDA device(s); use device=cpu or device=auto" +
                                             (at::hasCUDA() ? "" : ", or install a LibTorch built with CUDA")};
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

Result<c10::Device> choose_device(std::string_view text) {
  if (text == "auto") {
    if (at::hasCUDA() && at::getNumGPUs() > 0) return c10::Device(c10::kCUDA, 0);
    return c10::Device(at::hasMPS() ? c10::kMPS : c10::kCPU);
  }
  if (text == "cpu") return c10::Device(c10::kCPU);
  if (text == "cuda" || text.starts_with("cuda:")) return cuda_device(text);
  if (text != "mps") {
    return Error{Error::Kind::kSettings,
                 "device=" + std::string(text) + " is not known; the choices are auto, cpu, cuda, cuda:N and mps"};
  }
  if (!at::hasMPS()) {
    return Error{Error::Kind::kSettings, "device=mps: this LibTorch sees no Metal GPU; use device=cpu or device=auto"};
  }
  return c10::Device(c10::kMPS);
}

bool cpu_has_bf16() {
#if defined(__x86_64__)
  return at::cpu::is_avx512_bf16_supported();
#elif defined(__aarch64__) && defined(HWCAP2_BF16)
  return (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
#else
  return false;
#endif
}

// Of activations: int8 products leave bf16 between them where the processor computes in it.
at::ScalarType scalar_type(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return at::kBFloat16;
    case Precision::kFp16:
      return at::kHalf;
    case Precision::kInt8:
      return cpu_has_bf16() ? at::kBFloat16 : at::kFloat;
    default:
      return at::kFloat;
  }
}

// The best of a few, because a machine that is busy for a moment only ever adds time.
template <class Function>
double best_seconds(int times, Function&& run) {
  run();
  double best = 1e9;
  for (int i = 0; i < times; ++i) {
    const auto start = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

// Seconds for one projection of the typical batch, or nothing where this LibTorch lacks the kernel or the dtype.
std::optional<double> probe(LinearKernel kernel, const ComputePlan& plan, std::int64_t hidden) {
  try {
    const at::Tensor x = at::ones({plan.rows, hidden}).to(plan.tensors);
    const Linear linear(at::ones({hidden, hidden}), at::ones({hidden}), kernel, plan.tensors, plan.rows);
    return best_seconds(3, [&] { linear(x, PostOp::kSwish); });
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

struct Probed {
  Precision precision;
  LinearKernel kernel;
  double seconds;
};

// This precision with its fastest kernel.
Probed probe(Precision precision, ComputePlan plan, std::int64_t hidden) {
  plan.tensors = plan.tensors.dtype(scalar_type(precision));
  const auto plain = probe(LinearKernel::kPlain, plan, hidden);
  const auto prepacked = probe(LinearKernel::kPrepacked, plan, hidden);
  if (prepacked && (!plain || *prepacked < *plain)) return {precision, LinearKernel::kPrepacked, *prepacked};
  return {precision, LinearKernel::kPlain, plain.value_or(std::numeric_limits<double>::infinity())};
}

// A processor that has bf16 need not be faster with it: Intel's AVX-512 BF16 without AMX does half the products a cycle
// that fp32 does. fp32 is the exact one, so bf16 has to be worth it.
Probed probe_auto(const ComputePlan& plan, std::int64_t hidden) {
  constexpr double kWorthIt = 1.2;
  const Probed fp32 = probe(Precision::kFp32, plan, hidden);
  if (!cpu_has_bf16()) return fp32;
  const Probed bf16 = probe(Precision::kBf16, plan, hidden);
  return bf16.seconds * kWorthIt < fp32.seconds ? bf16 : fp32;
}

// Debian links LibTorch's BLAS through alternatives, and what is left without OpenBLAS is sixty times slower. The
// product is too small for threads: on a busy machine, waiting for a thread would look like a slow BLAS.
void warn_of_reference_blas() {
  constexpr std::int64_t kSize = 64;
  const at::Tensor a = at::ones({kSize, kSize});
  const double gflops = 2e-9 * kSize * kSize * kSize / best_seconds(20, [&] { at::mm(a, a); });
  if (gflops < kReferenceBlasGflops) {
    g_warning(
        "fp32 matrix products run at %.1f GFLOP/s: LibTorch found only a reference BLAS; "
        "install libopenblas0-openmp",
        gflops);
  }
}

// The fastest kernel of the precision that was asked for, or of the one that auto takes.
Status choose_cpu_kernel(PlannedTower& planned, std::int64_t hidden) {
  if (planned.precision == Precision::kInt8) {
    ComputePlan plan = planned.plan;
    plan.tensors = plan.tensors.dtype(scalar_type(Precision::kInt8));
    if (!probe(LinearKernel::kInt8, plan, hidden)) {
      return Error{Error::Kind::kSettings,
                   "precision=int8: this processor or this LibTorch has no oneDNN int8 products; use bf16 or fp32"};
    }
    planned.plan.kernel = LinearKernel::kInt8;
    return ok();
  }
  const Probed probed = planned.precision == Precision::kAuto ? probe_auto(planned.plan, hidden)
                                                              : probe(planned.precision, planned.plan, hidden);
  planned.precision = probed.precision;
  planned.plan.kernel = probed.kernel;
  return ok();
}

}  // namespace

Result<PlannedTower> plan_tower(const ModelConfig& config, const TowerOptions& options) {
  Result<c10::Device> device = choose_device(options.device);
  if (!device) return std::move(device).error();
  PlannedTower planned;
  const auto tokens = static_cast<std::int64_t>(config.vision.tokens());
  planned.micro_batch =
      device->is_cpu() ? static_cast<int>(std::max<std::int64_t>(1, kCpuRows / tokens)) : kGpuMicroBatch;
  planned.plan.tensors = at::TensorOptions().device(*device);
  planned.plan.rows = planned.micro_batch * tokens;
  planned.precision = options.precision;
  if (planned.precision == Precision::kInt8 && !device->is_cpu()) {
    return Error{Error::Kind::kSettings, "precision=int8 runs on the CPU only; use fp16 or bf16 on " + device->str()};
  }
  if (device->is_cpu()) {
    warn_of_reference_blas();
    if (Status chosen = choose_cpu_kernel(planned, config.vision.hidden_size); !chosen)
      return std::move(chosen).error();
  } else if (planned.precision == Precision::kAuto) {
    planned.precision = device->is_cuda() ? Precision::kBf16 : Precision::kFp16;
  }
  planned.plan.tensors = planned.plan.tensors.dtype(scalar_type(planned.precision));
  return planned;
}

}  // namespace clipembed
