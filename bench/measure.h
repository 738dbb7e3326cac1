// What several benchmarks measure with.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

// A field of /proc/self/status that is in kilobytes, such as VmRSS.
inline double status_megabytes(const char* field) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  char line[256];
  double kilobytes = 0;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, field, std::strlen(field)) == 0) std::sscanf(line + std::strlen(field), ": %lf", &kilobytes);
  }
  if (file != nullptr) std::fclose(file);
  return kilobytes / 1024;
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}
