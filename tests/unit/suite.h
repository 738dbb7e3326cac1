// One Check suite a program: list the tests, run them, report by exit status. CK_FORK=no keeps them in one process
// (sanitizers, gdb).
#pragma once

#include <check.h>
#include <stdlib.h>

#include <initializer_list>

inline int run_suite(Suite* suite, std::initializer_list<const TTest*> tests, double timeout_seconds = 120) {
  TCase* tcase = tcase_create("single");
  tcase_set_timeout(tcase, timeout_seconds);
  for (const TTest* test : tests) tcase_add_test(tcase, test);
  suite_add_tcase(suite, tcase);
  SRunner* runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

inline int run_suite(const char* name, std::initializer_list<const TTest*> tests, double timeout_seconds = 120) {
  return run_suite(suite_create(name), tests, timeout_seconds);
}
