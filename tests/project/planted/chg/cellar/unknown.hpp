// SPDX-License-Identifier: MIT
// A room that nobody drew arrows for.
#pragma once
