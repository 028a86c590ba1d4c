// SPDX-License-Identifier: MIT
// Checks a gradient written by hand: of any differentiable function, an operation on matrices, or a whole model.
//
//     using namespace chg;
//     auto const forward = [](auto const& x) { return std::decay_t<decltype(x)>(x.array().cube()); };                 // y = x^3
//     auto const backward = [](auto const& x, auto const& dy) { return Matrix<double>(3 * x.array().square() * dy.array()); };
//     Matrix<double> const x = Matrix<double>::Random(3, 4);
//
//     verify::Table table;
//     table.add("cube", verify::backward_pass(forward, backward, x));
//     std::cout << table;                                             // the largest error, where it is, and the verdict
//     return table.passed() ? 0 : 1;
//
// | check                                     | needs f in    | evaluations of f    | finds                                |
// |-------------------------------------------|---------------|---------------------|--------------------------------------|
// | backward_pass(forward, backward, point)   | dual numbers  | one an entry        | any error of an operation, and where |
// | against_duals(f, gradient, point)         | dual numbers  | one an entry        | any error, and where, to round-off   |
// | directional(f, gradient, point)           | dual numbers  | one a direction     | any error, not where                 |
// | against_differences(f, gradient, point)   | double, float | 10 to 20 an entry   | errors above the limit of the method |
//
// A point is a matrix, or named matrices: at("x", x, "weight", w); functions then take as many arguments. A model is checked
// like any function: the loss of a chg::Matrix of gates, generic in its scalar. A Hessian is checked as the gradient of
// <gradient(x), v>. NaN or infinity anywhere is a failing verdict.
#pragma once

#include <chg/verify/backward_pass.hpp>
#include <chg/verify/differences.hpp>
#include <chg/verify/duals.hpp>
#include <chg/verify/point.hpp>
#include <chg/verify/report.hpp>
#include <chg/verify/table.hpp>
