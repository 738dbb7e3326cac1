// Prometheus' text exposition format 0.0.4, sample by sample. No I/O; one thread.
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clipembed {

using MetricLabels = std::vector<std::pair<std::string_view, std::string>>;

// How often each range of values was seen. `bounds` ascend and outlive it; what is above the last counts as +Inf.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

  void observe(double value);

  std::span<const double> bounds() const { return bounds_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }  // one a range, not cumulative
  double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  double sum_ = 0;
};

class PrometheusText {
 public:
  enum class Type { kCounter, kGauge, kHistogram };

  // All samples of a family follow its head.
  void family(std::string_view name, Type type, std::string_view help);
  void sample(std::uint64_t value, const MetricLabels& labels = {});
  void sample(double value, const MetricLabels& labels = {});
  void sample(const Histogram& histogram, const MetricLabels& labels = {});

  const std::string& text() const { return text_; }

 private:
  void line(std::string_view suffix, const MetricLabels& labels, const std::string& value);

  std::string family_;
  std::string text_;
};

}  // namespace clipembed
