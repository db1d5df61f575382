#pragma once
#include <exception>
#include <string>
#include <string_view>

namespace san {

/// What to tell of an exception that ends the program, of bounded length and without control characters:
/// Errors as they are; of an allocation that failed how much was asked for and how much there is; of the file
/// system where, what was tried and why not. `command`: what was being done, where the failure itself does
/// not know.
std::string last_words(const std::exception_ptr& failure, std::string_view command = {});

}  // namespace san
