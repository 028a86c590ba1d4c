// SPDX-License-Identifier: MIT
// Holds the precompiled header of the tests: main.cpp cannot, since it configures Catch2 first.
