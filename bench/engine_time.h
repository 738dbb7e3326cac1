// What the engine alone takes: the floor that benchmarks of what stands around it measure beside.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "lib/engine/engine.h"

// Seconds for `pictures` of the model's size at batch 8, handed straight to the engine. Ends the program on an error.
inline double engine_seconds(clipembed::Engine& engine, int pictures) {
  const auto give_up = [](const clipembed::Error& error) {
    std::fprintf(stderr, "the engine: %s\n", error.message.c_str());
    std::exit(1);
  };
  std::mutex lock;
  std::condition_variable changed;
  int done = 0;
  const auto session = engine.open_session({.batch_size = 8, .batch_timeout = std::chrono::milliseconds(40)});
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < pictures; ++i) {
    const auto accepted = session->submit(clipembed::Picture(engine.info().input.bytes(), std::uint8_t(i)),
                                          [&](clipembed::Result<clipembed::Embedding> embedding) {
                                            if (!embedding) give_up(embedding.error());
                                            const std::lock_guard guard(lock);
                                            ++done;
                                            changed.notify_one();
                                          });
    if (!accepted) give_up(accepted.error());
  }
  std::unique_lock guard(lock);
  changed.wait(guard, [&] { return done == pictures; });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
