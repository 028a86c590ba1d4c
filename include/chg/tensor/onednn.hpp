// SPDX-License-Identifier: MIT
// oneDNN's matmul with weights in its own packed layout: made once, used in every product of every update.
//
// Rows are cut into tiles of a few fixed sizes, so that a batch of any length uses primitives that exist already, and no
// row is padded. Single precision only: oneDNN has no product of doubles.
#pragma once

#if defined(CHG_GEMM_ONEDNN)

#include <chg/tensor/matrix.hpp>

#include <omp.h>
#include <dnnl.hpp>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

namespace chg::detail {

inline std::string onednn_version() {
  auto const* v = dnnl::version();
  return text(v->major, ".", v->minor, ".", v->patch);
}

inline dnnl::engine const& onednn_engine() {
  static dnnl::engine const engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// Heights of the tiles that rows are cut into, largest first.
inline constexpr std::array<Index, 9> tile_rows{256, 128, 64, 32, 16, 8, 4, 2, 1};

/// A product of [rows, in] with packed [in, out], made for one thread.
struct TileProduct {
  TileProduct(Index rows, Index in, Index out, dnnl::memory::desc const& packed, bool accumulate) {
    using dnnl::memory;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (accumulate) {
      dnnl::post_ops sum;
      sum.append_sum();
      attributes.set_post_ops(sum);
    }
    source = memory::desc({rows, in}, memory::data_type::f32, memory::format_tag::ab);
    result = memory::desc({rows, out}, memory::data_type::f32, memory::format_tag::ab);
    description = dnnl::matmul::primitive_desc(dnnl::matmul::desc(source, packed, result), attributes, onednn_engine());
    primitive = dnnl::matmul(description);
  }

  dnnl::memory::desc source, result;
  dnnl::matmul::primitive_desc description;
  dnnl::matmul primitive;
};

/// Tile products by shape, shared by all weights of that shape in the process. Primitives are made with one OpenMP thread,
/// so that they divide the work alike wherever they run.
class TileProducts {
 public:
  static TileProduct const& get(std::size_t tile, Index in, Index out, dnnl::memory::desc const& packed, bool accumulate) {
    static std::mutex mutex;
    static std::map<std::tuple<std::size_t, Index, Index, bool>, std::unique_ptr<TileProduct>> made;
    std::lock_guard lock(mutex);
    auto& product = made[{tile, in, out, accumulate}];
    if (!product) {
      auto const threads = omp_get_max_threads();
      omp_set_num_threads(1);
      product = std::make_unique<TileProduct>(tile_rows[tile], in, out, packed, accumulate);
      omp_set_num_threads(threads);
    }
    return *product;
  }
};

/// One weight matrix in oneDNN's layout, for one direction.
class PackedWeights {
 public:
  PackedWeights() = default;

  /// Packs a matrix that multiplies from the right: [in, out]. `transposed`: data is [out, in], row-major; else [in, out].
  PackedWeights(float const* data, Index in, Index out, bool transposed)
      : in_(in), out_(out), products_(std::make_unique<std::array<std::atomic<TileProduct const*>, 2 * tile_rows.size()>>()) {
    using dnnl::memory;
    memory::desc const plain({in, out}, memory::data_type::f32, transposed ? memory::format_tag::ba : memory::format_tag::ab);
    memory::desc const any({in, out}, memory::data_type::f32, memory::format_tag::any);
    auto const threads = omp_get_max_threads();
    omp_set_num_threads(1);
    packed_ = dnnl::memory(TileProduct(tile_rows[0], in, out, any, false).description.weights_desc(), onednn_engine());
    dnnl::memory source(plain, onednn_engine(), const_cast<float*>(data));
    dnnl::stream stream(onednn_engine());
    dnnl::reorder(source, packed_).execute(stream, source, packed_);
    stream.wait();
    omp_set_num_threads(threads);
  }

  /// y = x W or y += x W. x: [n, in], y: [n, out].
  void multiply(float const* x, Index n, float* y, bool accumulate) const {
    for (std::size_t tile = 0; tile < tile_rows.size(); ++tile)
      for (; n >= tile_rows[tile]; n -= tile_rows[tile], x += tile_rows[tile] * in_, y += tile_rows[tile] * out_)
        run(product(tile, accumulate), x, y);
  }

 private:
  TileProduct const& product(std::size_t tile, bool accumulate) const {
    auto& slot = (*products_)[2 * tile + (accumulate ? 1 : 0)];
    auto const* found = slot.load(std::memory_order_acquire);
    if (!found) {
      found = &TileProducts::get(tile, in_, out_, packed_.get_desc(), accumulate);
      slot.store(found, std::memory_order_release);
    }
    return *found;
  }

  void run(TileProduct const& p, float const* x, float* y) const {
    thread_local dnnl::stream stream(onednn_engine());
    auto const& engine = onednn_engine();
    thread_local std::map<TileProduct const*, Handles> handles;
    auto& h = handles.try_emplace(&p).first->second;
    if (!h.source) {
      h.source = dnnl::memory(p.source, engine, nullptr);
      h.result = dnnl::memory(p.result, engine, nullptr);
      h.scratch = dnnl::memory(p.description.scratchpad_desc(), engine);
    }
    h.source.set_data_handle(const_cast<float*>(x), stream);
    h.result.set_data_handle(y, stream);
    dnnl_exec_arg_t const arguments[] = {{DNNL_ARG_SRC, h.source.get()},
                                         {DNNL_ARG_WEIGHTS, packed_.get()},
                                         {DNNL_ARG_DST, h.result.get()},
                                         {DNNL_ARG_SCRATCHPAD, h.scratch.get()}};
    dnnl::error::wrap_c_api(dnnl_primitive_execute(p.primitive.get(), stream.get(), 4, arguments),
                            "oneDNN could not run a product");
  }

  struct Handles {
    dnnl::memory source, result, scratch;
  };

  Index in_ = 0, out_ = 0;
  dnnl::memory packed_;
  std::unique_ptr<std::array<std::atomic<TileProduct const*>, 2 * tile_rows.size()>> products_;
};

}  // namespace chg::detail

#endif
