// SPDX-License-Identifier: MIT
// Takes the tensors of a checkpoint by name, each of the shape that the model needs and of finite numbers, and leaves none over.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/formats/tensor_shape.hpp>
#include <chg/model/weights.hpp>

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace chg::formats {

/// Called after every tensor that is read: numbers read so far, and numbers in the whole file.
using ReadProgress = std::function<void(Index done, Index total)>;

}  // namespace chg::formats

namespace chg::formats::detail {

/// Takes tensors out of a file by name, and keeps account: what was not taken in the end is surplus.
/// Real: float or double. File: Safetensors, ShardedSafetensors or Gguf.
template <class Real, class File>
class TensorTaker {
 public:
  /// `source` says in errors what the shapes come from: "config.json".
  TensorTaker(File const& file, std::string source, ReadProgress progress = {}, LayerSink<Real> sink = {})
      : file_(file), source_(std::move(source)), progress_(std::move(progress)), sink_(std::move(sink)) {
    for (auto const& item : file_.tensors()) total_ += file_.info(item.first).elements;
  }

  bool contains(std::string const& name) const { return file_.contains(name); }

  /// Resizes `out` to `shape` ([n] for a vector) and reads it. Throws Error when the tensor is missing, has another shape, or
  /// holds a number that is not finite.
  template <class Dense>
  void take(std::string const& name, Dense& out, std::vector<Index> const& shape) {
    auto const& info = file_.info(name);
    if (info.shape != shape)
      throw Error(
          {file_.describe(name) + " has the wrong shape", shape_text(shape) + ", by " + source_, shape_text(info.shape), ""});
    out.resize(shape.size() == 1 ? 1 : shape[0], shape.back());
    file_.read(name, std::span<Real>(out.data(), static_cast<std::size_t>(out.size())));
    if (!all_finite(out))
      throw Error({file_.describe(name), "finite numbers", "NaN or infinity",
                   "The checkpoint is damaged, or was saved in a type that overflows."});
    taken_.insert(name);
    done_ += info.elements;
    if (progress_) progress_(done_, total_);
  }

  /// A Conv1D tensor, stored [in, out]: the transpose of its columns first .. first + rows(part) - 1 becomes each part in turn.
  void take_transposed(std::string const& name, Index in, Index out, std::vector<Matrix<Real>*> const& parts) {
    Matrix<Real> stored;
    take(name, stored, {in, out});
    auto const each = out / static_cast<Index>(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) *parts[p] = stored.middleCols(static_cast<Index>(p) * each, each).transpose();
  }

  /// The bias of such a tensor, cut the same way.
  void take_parts(std::string const& name, Index out, std::vector<RowVector<Real>*> const& parts) {
    RowVector<Real> stored;
    take(name, stored, {out});
    auto const each = out / static_cast<Index>(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) *parts[p] = stored.segment(static_cast<Index>(p) * each, each);
  }

  /// A linear tensor [sum of rows, in] whose rows, in order, are those of each part.
  void take_rows(std::string const& name, Index in, std::vector<std::pair<Matrix<Real>*, Index>> const& parts) {
    Index out = 0, row = 0;
    for (auto const& part : parts) out += part.second;
    Matrix<Real> stored;
    take(name, stored, {out, in});
    for (auto const& [part, rows] : parts) {
      *part = stored.middleRows(row, rows);
      row += rows;
    }
  }

  /// The bias of a tensor of several parts, in order, each of its own length.
  void take_parts(std::string const& name, std::vector<std::pair<RowVector<Real>*, Index>> const& parts) {
    Index out = 0, first = 0;
    for (auto const& part : parts) out += part.second;
    RowVector<Real> stored;
    take(name, stored, {out});
    for (auto const& [part, length] : parts) {
      *part = stored.segment(first, length);
      first += length;
    }
  }

  /// A linear tensor [heads parts D, in] stored head by head, D rows of each part in turn.
  void take_by_head(std::string const& name, Index heads, Index head_dim, Index in, std::vector<Matrix<Real>*> const& parts) {
    auto const n = static_cast<Index>(parts.size());
    Matrix<Real> stored;
    take(name, stored, {heads * n * head_dim, in});
    for (Index p = 0; p < n; ++p) {
      auto& part = *parts[static_cast<std::size_t>(p)];
      part.resize(heads * head_dim, in);
      for (Index h = 0; h < heads; ++h)
        part.middleRows(h * head_dim, head_dim) = stored.middleRows((h * n + p) * head_dim, head_dim);
    }
  }

  /// The bias of such a tensor, cut the same way.
  void take_by_head(std::string const& name, Index heads, Index head_dim, std::vector<RowVector<Real>*> const& parts) {
    auto const n = static_cast<Index>(parts.size());
    RowVector<Real> stored;
    take(name, stored, {heads * n * head_dim});
    for (Index p = 0; p < n; ++p) {
      auto& part = *parts[static_cast<std::size_t>(p)];
      part.resize(heads * head_dim);
      for (Index h = 0; h < heads; ++h) part.segment(h * head_dim, head_dim) = stored.segment((h * n + p) * head_dim, head_dim);
    }
  }

  /// A buffer that some versions of transformers store and that the configuration already determines.
  void pass_over(std::string const& name) { taken_.insert(name); }

  /// The embedding. Of two names for one matrix a file keeps one: published ones keep the embedding's, and
  /// safetensors.torch.save_model the first by the alphabet, lm_head.weight.
  void take_embedding(Matrix<Real>& out, std::string const& embedding, std::string const& head, std::vector<Index> const& shape,
                      bool tied) {
    take(tied && !contains(embedding) && contains(head) ? head : embedding, out, shape);
  }

  /// The head of a model, after its embedding.
  void take_head(Matrix<Real>& out, std::string const& embedding, std::string const& head, std::vector<Index> const& shape,
                 bool tied) {
    if (tied) {
      if (contains(embedding)) pass_over_tied(head, embedding);
      return;
    }
    if (!contains(head))
      throw Error({file_.describe(head) + " is missing",
                   "a tensor of this name, since tie_word_embeddings is false in config.json, or by default", "none",
                   "If the model has one matrix for embedding and head, set tie_word_embeddings to true."});
    take(head, out, shape);
  }

  /// A stored head beside a tied embedding is passed over when it is the same, and an Error when it is not: the versions of
  /// transformers disagree about which of the two is then used.
  void pass_over_tied(std::string const& head, std::string const& embedding) {
    pass_over(head);
    if (!file_.contains(head)) return;
    auto const same = file_.info(head).dtype == file_.info(embedding).dtype &&
                      file_.info(head).shape == file_.info(embedding).shape &&
                      std::ranges::equal(file_.bytes(head), file_.bytes(embedding));
    check(same, file_.describe(head), "the same numbers as " + in_quotes(embedding) + ", since config.json ties them",
          "other numbers", "Set tie_word_embeddings to false in config.json to use it, or remove it from the file.");
  }

  /// The last layer is complete: with a sink, it goes there.
  void end_layer(Weights<Real>& weights) const {
    if (!sink_) return;
    sink_(std::move(weights.layers.back()));
    weights.layers.pop_back();
  }

  /// Throws Error naming the first tensor of the file that nothing took.
  void finish() const {
    for (auto const& item : file_.tensors())
      if (!taken_.contains(item.first))
        throw Error({file_.describe(item.first) + " has no place in this model",
                     "only the tensors that it is made of, by " + source_, "a surplus tensor",
                     "The file belongs to another kind of model."});
  }

 private:
  File const& file_;
  std::string source_;
  ReadProgress progress_;
  LayerSink<Real> sink_;
  Index done_ = 0, total_ = 0;
  std::set<std::string> taken_;
};

}  // namespace chg::formats::detail
