// The threads of this process, started when they are first needed and kept.
#pragma once

#include <functional>

namespace fastpid::cpu {

// Runs body(member) on the calling thread as member 0 and, as far as threads are free or can be
// had, on helpers as members 1 .. size - 1. Returns when all that have begun are through. Work must
// be shared out among whoever comes: nothing says that a helper comes at all, since several callers
// share the pool, and the system may give no threads. body must not throw. While the caller only
// waits for the others it calls `waiting` every few milliseconds.
//
// A child process after fork() has none of its parent's threads, and gets a pool of its own.
void run_on_pool(int size, const std::function<void(int)>& body,
                 const std::function<void()>& waiting);

}  // namespace fastpid::cpu
