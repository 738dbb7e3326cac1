#include "tools/clipembedd/http/prometheus_text.h"

#include <algorithm>
#include <charconv>

namespace clipembed {
namespace {

std::string number(double value) {
  char digits[64];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string escape(std::string_view text, bool quotes) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || (quotes && c == '"')) escaped += '\\';
    escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return escaped;
}

const char* name_of(PrometheusText::Type type) {
  switch (type) {
    case PrometheusText::Type::kCounter:
      return "counter";
    case PrometheusText::Type::kGauge:
      return "gauge";
    case PrometheusText::Type::kHistogram:
      return "histogram";
  }
  return "untyped";
}

}  // namespace

void Histogram::observe(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);  // buckets are "less or equal"
  ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
  sum_ += value;
}

void PrometheusText::family(std::string_view name, Type type, std::string_view help) {
  family_ = name;
  text_ += "# HELP " + family_ + " " + escape(help, false) + "\n# TYPE " + family_ + " " + name_of(type) + "\n";
}

void PrometheusText::line(std::string_view suffix, const MetricLabels& labels, const std::string& value) {
  text_ += family_;
  text_ += suffix;
  if (!labels.empty()) {
    char before = '{';
    for (const auto& [name, text] : labels) {
      text_ += std::exchange(before, ',');
      text_ += name;
      text_ += "=\"" + escape(text, true) + "\"";
    }
    text_ += '}';
  }
  text_ += ' ' + value + '\n';
}

void PrometheusText::sample(std::uint64_t value, const MetricLabels& labels) {
  line("", labels, std::to_string(value));
}

void PrometheusText::sample(double value, const MetricLabels& labels) { line("", labels, number(value)); }

void PrometheusText::sample(const Histogram& histogram, const MetricLabels& labels) {
  MetricLabels with_bound = labels;
  with_bound.emplace_back("le", "");
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
    count += histogram.counts()[i];
    with_bound.back().second = i < histogram.bounds().size() ? number(histogram.bounds()[i]) : "+Inf";
    line("_bucket", with_bound, std::to_string(count));
  }
  line("_sum", labels, number(histogram.sum()));
  line("_count", labels, std::to_string(count));
}

}  // namespace clipembed
