#include "lib/model/unpickler.h"

#include <algorithm>
#include <deque>
#include <format>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>

#include "lib/model/byte_reader.h"
#include "lib/model/pickle_opcodes.h"
#include "lib/model/tensor.h"

namespace clipembed {
namespace {

constexpr std::size_t kMaxPickle = std::size_t{4} << 20;  // CLIP-H/14 has 180 KB
constexpr std::size_t kMaxStack = 1 << 16;                // torch.save's batches of 1,000 items need 2,010
constexpr std::uint8_t kProtocol = 2;

enum class Callable { kOrderedDict, kRebuildTensor, kRebuildParameter };
struct StorageType {
  std::string_view name;
};

// Containers live in the machine's arenas and values point at them: a pickle that puts a container into itself, or
// nests a million of them, costs neither a leak nor a recursion, neither here nor when all of it is freed.
struct Storage;
struct Tensor;
struct Tuple;
struct Dict;
using Value = std::variant<std::monostate, bool, std::int64_t, std::string_view, Callable, StorageType, const Storage*,
                           const Tensor*, const Tuple*, Dict*>;

struct Storage {
  std::string_view type, key;
  std::int64_t elements = 0;
};
struct Tensor {
  const Storage* storage = nullptr;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape, strides;
};
struct Tuple {
  std::vector<Value> items;
};
struct Dict {
  std::vector<std::pair<Value, Value>> items;
};

const char* type_name(const Value& value) {
  static constexpr const char* kNames[] = {"None",           "a bool",    "an integer", "a string", "a function",
                                           "a storage type", "a storage", "a tensor",   "a tuple",  "a dict"};
  return kNames[value.index()];
}

std::optional<Value> find_global(std::string_view module, std::string_view name) {
  if (module == "collections" && name == "OrderedDict") return Callable::kOrderedDict;
  if (module == "torch._utils" && name == "_rebuild_tensor_v2") return Callable::kRebuildTensor;
  if (module == "torch._utils" && name == "_rebuild_parameter") return Callable::kRebuildParameter;
  if (module == "torch") {
    for (const char* type :
         {"FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage", "DoubleStorage", "IntStorage"}) {
      if (name == type) return StorageType{name};
    }
  }
  return std::nullopt;
}

// A shape or strides. The limit keeps a tuple that is used a million times from being copied as often.
std::optional<std::vector<std::int64_t>> to_integers(const Value& value) {
  const auto* tuple = std::get_if<const Tuple*>(&value);
  if (tuple == nullptr || (*tuple)->items.size() > kMaxDimensions) return std::nullopt;
  std::vector<std::int64_t> integers;
  for (const Value& item : (*tuple)->items) {
    const auto* integer = std::get_if<std::int64_t>(&item);
    if (integer == nullptr) return std::nullopt;
    integers.push_back(*integer);
  }
  return integers;
}

bool is_none_or_empty_dict(const Value& value) {
  const auto* dict = std::get_if<Dict*>(&value);
  return std::holds_alternative<std::monostate>(value) || (dict != nullptr && (*dict)->items.empty());
}

class Machine {
 public:
  Machine(std::string_view file, std::span<const std::byte> pickle) : file_(file), reader_(pickle) {}

  Result<std::vector<PickledTensor>> run() {
    while (!stopped_) {
      at_ = reader_.position();
      const std::uint8_t opcode = reader_.u8();
      if (!reader_.ok()) return error("the pickle ends without STOP (truncated?)");
      const bool done = step(opcode);
      if (!reader_.ok()) return error("the pickle ends inside an opcode (truncated?)");
      if (!done) return error(failure_);
      if (stack_.size() > kMaxStack) return error("the pickle's stack is too deep");
    }
    return state_dict();
  }

 private:
  Error error(std::string_view what) const {
    const std::string_view tensor = current_tensor();
    const std::string where = tensor.empty() ? "" : std::format("tensor '{}': ", tensor);
    return {Error::Kind::kFormat, std::format("{}: {}{} (byte {} of data.pkl)", file_, where, what, at_)};
  }

  // The state dict's items lie on the stack above the first mark, name, tensor, name, tensor; what is being built now
  // lies above the second. So the last string between the two names the tensor at hand.
  std::string_view current_tensor() const {
    const std::size_t begin = marks_.empty() ? 0 : marks_[0];
    const std::size_t end = marks_.size() > 1 ? marks_[1] : stack_.size();
    for (std::size_t i = end; i-- > begin;) {
      if (const auto* text = std::get_if<std::string_view>(&stack_[i])) return *text;
    }
    return {};
  }

  // Every step is false on failure, with the reason in failure_.
  bool fail(std::string what) {
    failure_ = std::move(what);
    return false;
  }
  bool push(Value value) {
    stack_.push_back(value);
    return true;
  }

  // `count` values above the innermost mark, moved off the stack.
  std::optional<std::vector<Value>> pop(std::size_t count) {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() - floor < count) {
      fail("an opcode takes more from the stack than there is");
      return std::nullopt;
    }
    std::vector<Value> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }
  // Everything above the innermost mark, and the mark.
  std::optional<std::vector<Value>> pop_mark() {
    if (marks_.empty()) {
      fail("an opcode needs a mark on the stack and there is none");
      return std::nullopt;
    }
    auto values = pop(stack_.size() - marks_.back());
    marks_.pop_back();
    return values;
  }

  bool step(std::uint8_t opcode) {
    switch (opcode) {
      case kProto:
        return protocol(reader_.u8());
      case kStop:
        stopped_ = true;
        return true;
      case kMark:
        if (marks_.size() >= kMaxStack) return fail("the pickle's stack is too deep");
        marks_.push_back(stack_.size());
        return true;
      case kNone:
        return push(std::monostate());
      case kNewTrue:
        return push(true);
      case kNewFalse:
        return push(false);
      case kBinInt:
        return push(std::int64_t{static_cast<std::int32_t>(reader_.u32())});
      case kBinInt1:
        return push(std::int64_t{reader_.u8()});
      case kBinInt2:
        return push(std::int64_t{reader_.u16()});
      case kLong1:
        return long1(reader_.u8());
      case kBinUnicode:
        return push(reader_.text(reader_.u32()));
      case kEmptyTuple:
        return tuple(std::vector<Value>());
      case kTuple1:
        return tuple(pop(1));
      case kTuple2:
        return tuple(pop(2));
      case kTuple3:
        return tuple(pop(3));
      case kTuple:
        return tuple(pop_mark());
      case kEmptyDict:
        return push(&dicts_.emplace_back());
      case kSetItem:
        return set_items(pop(2));
      case kSetItems:
        return set_items(pop_mark());
      case kBinPut:
        return put(reader_.u8());
      case kLongBinPut:
        return put(reader_.u32());
      case kBinGet:
        return get(reader_.u8());
      case kLongBinGet:
        return get(reader_.u32());
      case kGlobal:
        return global();
      case kBinPersId:
        return persistent_id();
      case kReduce:
        return reduce();
      case kBuild:
        return build();
      default:
        return fail(std::format("pickle opcode 0x{:02x} is not one that a state dict needs", opcode));
    }
  }

  bool protocol(std::uint8_t version) {
    if (version == kProtocol) return true;
    return fail(std::format("pickle protocol {}, torch.save writes {}", version, kProtocol));
  }

  bool long1(std::size_t size) {
    const auto digits = reader_.take(size);
    if (size > sizeof(std::int64_t)) return fail("an integer of more than 64 bits");
    const std::uint64_t sign =
        size > 0 && std::to_integer<int>(digits.empty() ? std::byte{} : digits.back()) >= 0x80 ? ~0ULL : 0;
    std::uint64_t value = sign;
    for (std::size_t i = digits.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(digits[i]);
    return push(static_cast<std::int64_t>(value));
  }

  bool tuple(std::optional<std::vector<Value>> items) {
    return items && push(&std::as_const(tuples_.emplace_back(Tuple{*std::move(items)})));
  }

  bool set_items(std::optional<std::vector<Value>> items) {
    if (!items) return false;
    Dict* const* dict = stack_.empty() ? nullptr : std::get_if<Dict*>(&stack_.back());
    if (dict == nullptr || items->size() % 2 != 0) return fail("items are set on something that is not a dict");
    for (std::size_t i = 0; i < items->size(); i += 2) (*dict)->items.emplace_back((*items)[i], (*items)[i + 1]);
    return true;
  }

  bool put(std::uint32_t index) {
    if (stack_.empty()) return fail("the memo is given a value and there is none");
    memo_.insert_or_assign(index, stack_.back());
    return true;
  }

  bool get(std::uint32_t index) {
    const auto value = memo_.find(index);
    if (value == memo_.end()) return fail(std::format("the memo has no value {}", index));
    return push(value->second);
  }

  std::optional<std::string_view> line() {
    const auto rest = reader_.rest();
    const auto end = std::ranges::find(rest, std::byte{'\n'});
    if (end == rest.end()) return std::nullopt;
    const auto text = reader_.text(static_cast<std::size_t>(end - rest.begin()));
    reader_.skip(1);
    return text;
  }

  bool global() {
    const auto module = line();
    const auto name = module ? line() : std::nullopt;
    if (!name) return fail("a global without a name (truncated?)");
    const auto value = find_global(*module, *name);
    if (value) return push(*value);
    constexpr std::size_t kMaxEcho = 100;
    return fail(std::format("the pickle refers to {}.{}, which a state dict does not need; nothing was run",
                            module->substr(0, kMaxEcho), name->substr(0, kMaxEcho)));
  }

  // ("storage", type, key, device, elements)
  bool persistent_id() {
    const auto id = pop(1);
    if (!id) return false;
    const auto* tuple = std::get_if<const Tuple*>(&id->front());
    if (tuple == nullptr || (*tuple)->items.size() != 5) return fail("a persistent id that is not a storage");
    const auto& items = (*tuple)->items;
    const auto* tag = std::get_if<std::string_view>(&items[0]);
    const auto* type = std::get_if<StorageType>(&items[1]);
    const auto* key = std::get_if<std::string_view>(&items[2]);
    const auto* elements = std::get_if<std::int64_t>(&items[4]);
    if (!tag || *tag != "storage" || !type || !key || !elements) return fail("a persistent id that is not a storage");
    return push(&std::as_const(storages_.emplace_back(Storage{type->name, *key, *elements})));
  }

  bool reduce() {
    const auto call = pop(2);
    if (!call) return false;
    const auto* function = std::get_if<Callable>(&(*call)[0]);
    const auto* arguments = std::get_if<const Tuple*>(&(*call)[1]);
    if (function == nullptr || arguments == nullptr) return fail(std::format("{} is called", type_name((*call)[0])));
    const auto& items = (*arguments)->items;
    switch (*function) {
      case Callable::kOrderedDict:
        if (!items.empty()) return fail("an OrderedDict with arguments");
        return push(&dicts_.emplace_back());
      case Callable::kRebuildTensor:
        return rebuild_tensor(items);
      case Callable::kRebuildParameter:  // (tensor, requires_grad, backward_hooks)
        if (items.size() != 3 || !std::holds_alternative<const Tensor*>(items[0])) return fail("a malformed parameter");
        return push(items[0]);
    }
    return fail("an unknown function");
  }

  // (storage, offset, shape, strides, requires_grad, backward_hooks[, metadata]). Metadata may say that the numbers are
  // to be negated or conjugated, which a state dict of weights never needs.
  bool rebuild_tensor(const std::vector<Value>& items) {
    if (items.size() != 6 && items.size() != 7) return fail("a tensor with the wrong number of properties");
    const auto* storage = std::get_if<const Storage*>(&items[0]);
    const auto* offset = std::get_if<std::int64_t>(&items[1]);
    auto shape = to_integers(items[2]);
    auto strides = to_integers(items[3]);
    if (!storage || !offset || !shape || !strides) return fail("a tensor whose properties have wrong types");
    if (!is_none_or_empty_dict(items[5])) return fail("a tensor with hooks");
    if (items.size() == 7 && !is_none_or_empty_dict(items[6])) return fail("a tensor with metadata");
    return push(
        &std::as_const(tensors_.emplace_back(Tensor{*storage, *offset, *std::move(shape), *std::move(strides)})));
  }

  // A state dict's attributes: `_metadata`, the versions of its modules, which nothing here needs.
  bool build() {
    if (!pop(1)) return false;
    if (stack_.empty() || !std::holds_alternative<Dict*>(stack_.back()))
      return fail("attributes on something but a dict");
    return true;
  }

  Result<std::vector<PickledTensor>> state_dict() {
    if (stack_.size() != 1 || !marks_.empty()) return error("the pickle leaves more or less than one object");
    Dict* const* dict = std::get_if<Dict*>(&stack_.front());
    if (dict == nullptr) return error(std::format("expected a dict of tensors, found {}", type_name(stack_.front())));
    std::vector<PickledTensor> result;
    std::set<std::string_view> names;
    for (const auto& [key, value] : (*dict)->items) {
      const auto* name = std::get_if<std::string_view>(&key);
      if (name == nullptr) return error(std::format("expected the name of a tensor, found {}", type_name(key)));
      const auto* tensor = std::get_if<const Tensor*>(&value);
      if (tensor == nullptr)
        return error(std::format("tensor '{}': expected a tensor, found {}", *name, type_name(value)));
      if (!names.insert(*name).second) return error(std::format("tensor '{}' is given twice", *name));
      const Storage& storage = *(*tensor)->storage;
      result.push_back({*name, storage.type, storage.key, storage.elements, (*tensor)->offset, (*tensor)->shape,
                        (*tensor)->strides});
    }
    return result;
  }

  std::string_view file_;
  ByteReader reader_;
  std::size_t at_ = 0;  // where the current opcode begins
  bool stopped_ = false;
  std::string failure_;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::unordered_map<std::uint32_t, Value> memo_;
  // Deques: their elements stay where they are.
  std::deque<Storage> storages_;
  std::deque<Tensor> tensors_;
  std::deque<Tuple> tuples_;
  std::deque<Dict> dicts_;
};

}  // namespace

Result<std::vector<PickledTensor>> unpickle_state_dict(std::string_view file, std::span<const std::byte> pickle) {
  if (pickle.size() > kMaxPickle) {
    return Error{Error::Kind::kFormat,
                 std::format("{}: data.pkl has {} bytes, more than the {} any state dict of CLIP needs", file,
                             pickle.size(), kMaxPickle)};
  }
  return Machine(file, pickle).run();
}

}  // namespace clipembed
