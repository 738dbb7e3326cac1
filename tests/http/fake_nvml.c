/* libnvidia-ml.so.1 with two GPUs, the second of which is too old to tell its load. */
#include <stdlib.h>
#include <string.h>

typedef struct {
  unsigned long long total, free, used;
} Memory;
typedef struct {
  unsigned gpu, memory;
} Utilization;

int nvmlInit_v2(void) { return getenv("FAKE_NVML_FAILS") ? 9 : 0; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  strncpy(text, "550.1", size);
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 3;
  return 0;
}
/* The third has fallen off the bus. */
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = (void*)(size_t)(index + 1);
  return index < 2 ? 0 : 15;
}
int nvmlDeviceGetName(void* device, char* text, unsigned size) {
  strncpy(text, device == (void*)1 ? "Fake GPU" : "Old GPU", size);
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, Memory* memory) {
  (void)device;
  memory->total = 8ull << 30;
  memory->used = 2ull << 30;
  memory->free = 6ull << 30;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void* device, Utilization* utilization) {
  utilization->gpu = 42;
  utilization->memory = 7;
  return device == (void*)1 ? 0 : 3;
}
