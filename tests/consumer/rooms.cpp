// SPDX-License-Identifier: MIT
// A user's program: the core and the other rooms.
#include <chg/formats/config_json.hpp>

#include <iostream>

int main() { std::cout << "formats and run\n"; }
