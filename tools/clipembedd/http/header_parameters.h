// The value of a header field that has parameters, `form-data; name="file"; filename="a.jpg"`, and the small questions
// about characters that all of HTTP's grammar asks. Source: RFC 9110, section 5.6. No I/O; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clipembed {

bool is_token(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);  // ASCII
std::string_view trim_blanks(std::string_view text);                // spaces and tabs

struct HeaderParameters {
  std::string value;                                            // what comes before the first semicolon
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, in order
};

// nullopt for what is malformed, and for a parameter given twice. In quoted strings only \" and \\ are escapes, as
// browsers of old wrote C:\photos\a.jpg as it is.
std::optional<HeaderParameters> parse_header_parameters(std::string_view text);

}  // namespace clipembed
