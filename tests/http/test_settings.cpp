// Flags, environment variables, the file, and what is said about them.
#include "tools/clipembedd/settings.h"

#include <set>
#include <string>

#include "tests/unit/expect.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/clipembedd/options.h"

namespace clipembed {
namespace {

Result<ProgramOptions> read(std::vector<std::string> flags, std::vector<std::string> variables = {}) {
  flags.insert(flags.begin(), "clipembedd");
  std::vector<char*> argv, environment;
  for (std::string& flag : flags) argv.push_back(flag.data());
  for (std::string& variable : variables) environment.push_back(variable.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  return read_options(argc, argv.data(), environment.data());
}

START_TEST(a_flag_wins_over_a_variable_over_the_file_over_the_default) {
  const Scratch scratch;
  const std::string path = scratch.path() / "conf";
  write_file(path, "[limits]\nmax-files=2\nmax-frames=20\nqueue=200\n");
  const auto read_max_files = [&](const std::vector<std::string>& flags, const std::vector<std::string>& variables) {
    return expect_value(read(flags, variables)).configuration.max_files;
  };
  const std::string config = "--config=" + path;
  ck_assert_int_eq(read_max_files({}, {}), 256);
  ck_assert_int_eq(read_max_files({config}, {}), 2);
  ck_assert_int_eq(read_max_files({}, {"EMBEDDING_CONFIG=" + path}), 2);
  ck_assert_int_eq(read_max_files({config}, {"EMBEDDING_MAX_FILES=3"}), 3);
  ck_assert_int_eq(read_max_files({config, "--max-files=4"}, {"EMBEDDING_MAX_FILES=3"}), 4);
}
END_TEST

START_TEST(every_setting_reads_back_its_own_default) {
  std::set<std::string> keys;
  const Configuration defaults;
  for (const Setting& setting : settings()) {
    ck_assert_msg(keys.insert(setting.key).second, "%s is there twice", setting.key);
    Configuration configuration;
    const std::string text = value_text(setting, defaults);
    expect_value(set_value(setting, text, configuration));
    ck_assert(value_text(setting, configuration) == text);
  }
}
END_TEST

START_TEST(the_example_file_holds_every_key_with_its_default) {
  const Scratch scratch;
  std::string text = example_configuration_file();
  for (const Setting& setting : settings()) {
    const std::string line = "\n#" + std::string(setting.key) + "=";
    const auto at = text.find(line);
    ck_assert_msg(at != std::string::npos, "%s is not in the example", setting.key);
    text.erase(at + 1, 1);
  }
  write_file(scratch.path() / "conf", text);
  Configuration configuration;
  expect_value(read_configuration_file(scratch.path() / "conf", configuration));
  const Configuration defaults;
  for (const Setting& setting : settings())
    ck_assert(value_text(setting, configuration) == value_text(setting, defaults));
}
END_TEST

START_TEST(sizes_and_times_have_units) {
  const auto with = [](const std::string& flag) { return expect_value(read({flag})).configuration; };
  ck_assert_uint_eq(with("--max-body=2048").max_body, 2048);
  ck_assert_uint_eq(with("--max-body=512M").max_body, 512u << 20);
  ck_assert_uint_eq(with("--max-body=2G").max_body, std::uint64_t{2} << 30);
  ck_assert_double_eq_tol(with("--deadline=90").deadline.count(), 90, 1e-9);
  ck_assert_double_eq_tol(with("--deadline=1500ms").deadline.count(), 1.5, 1e-9);
  ck_assert_double_eq_tol(with("--deadline=2m").deadline.count(), 120, 1e-9);
  ck_assert_double_eq_tol(with("--max-duration=1.5h").max_duration.count(), 5400, 1e-9);
}
END_TEST

START_TEST(yes_and_no_have_many_names) {
  for (const char* yes : {"yes", "true", "on", "1"})
    ck_assert(expect_value(read({"--page=" + std::string(yes)})).configuration.page);
  for (const char* no : {"no", "false", "off", "0"})
    ck_assert(!expect_value(read({"--page=" + std::string(no)})).configuration.page);
}
END_TEST

START_TEST(values_that_cannot_be_used_are_refused_by_name) {
  for (const char* flag :
       {"max-body=1", "max-body=", "max-body=1T", "max-body=-1", "max-body=5000G", "max-body=1 M", "max-files=0",
        "max-files=1x", "max-files=99999999999", "deadline=0", "deadline=x", "deadline=nan", "deadline=inf",
        "deadline=-1", "page=maybe", "precision=fp8", "log-format=xml"}) {
    const std::string key(flag, std::string_view(flag).find('='));
    expect_error(read({"--" + std::string(flag)}), Error::Kind::kSettings, {"--" + key, "expected"});
  }
}
END_TEST

START_TEST(unknown_keys_are_refused_by_name) {
  const Scratch scratch;
  const std::string path = scratch.path() / "conf";
  const auto file = [&](const char* text) {
    write_file(path, text);
    return read({"--config=" + path});
  };
  expect_error(file("[limits]\nmax-fils=1\n"), Error::Kind::kSettings, {path, "max-fils", "[limits]"});
  expect_error(file("[server]\nmax-files=1\n"), Error::Kind::kSettings, {path, "max-files", "[limits]"});
  expect_error(file("[limit]\nmax-files=1\n"), Error::Kind::kSettings, {path, "[limits]"});
  expect_error(file("[limits]\nmax-files=x\n"), Error::Kind::kSettings, {path, "max-files", "x"});
  expect_error(file("max-files=1\n"), Error::Kind::kSettings, {path});
  expect_error(read({"--config=/nowhere/conf"}), Error::Kind::kSettings, {"/nowhere/conf"});
  expect_error(read({"--max-fils=1"}), Error::Kind::kSettings, {"max-fils"});
  expect_error(read({"photo.jpg"}), Error::Kind::kSettings, {"photo.jpg"});
  expect_error(read({}, {"EMBEDDING_QUEUE=x"}), Error::Kind::kSettings, {"EMBEDDING_QUEUE", "x"});
}
END_TEST

START_TEST(variables_of_others_are_told_but_do_no_harm) {
  const auto unknown =
      expect_value(read({}, {"EMBEDDING_URL=http://a", "PATH=/bin", "EMBEDDING_QUEUE=5"})).unknown_variables;
  ck_assert_uint_eq(unknown.size(), 1);
  ck_assert_str_eq(unknown[0].c_str(), "EMBEDDING_URL");
}
END_TEST

START_TEST(the_documents_are_up_to_date) {
  const std::filesystem::path docs = std::filesystem::path(g_getenv("CLIPEMBED_SOURCE")) / "docs";
  ck_assert_msg(read_file(docs / "clipembed.conf") == example_configuration_file(),
                "docs/clipembed.conf is not what clipembedd --print-config prints");
  ck_assert_msg(read_file(docs / "http.md").find(settings_table_markdown()) != std::string::npos,
                "docs/http.md does not hold what clipembedd --print-config=markdown prints");
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite(
      "settings",
      {a_flag_wins_over_a_variable_over_the_file_over_the_default, every_setting_reads_back_its_own_default,
       the_example_file_holds_every_key_with_its_default, sizes_and_times_have_units, yes_and_no_have_many_names,
       values_that_cannot_be_used_are_refused_by_name, unknown_keys_are_refused_by_name,
       variables_of_others_are_told_but_do_no_harm, the_documents_are_up_to_date});
}
