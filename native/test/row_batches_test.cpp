#include "lrfinder/row_batches.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/imag.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lrfinder/error.h"
#include "testing.h"

namespace lrfinder {
namespace {

using test::expect_error;
using test::normal;
using test::same_bits;

constexpr std::int64_t kRows = 11;

at::Tensor order() { return at::tensor({7, 2, 10, 0, 3, 9, 1, 5, 8, 4, 6}, at::kLong); }

at::Tensor numbers() { return at::arange(kRows, at::kLong); }

/// Data of every kind that a user may have, with kRows rows each.
std::vector<std::pair<std::string, at::Tensor>> kinds_of_data() {
  const auto table = normal({kRows, 6}, at::kDouble, 1);
  const auto images = normal({kRows, 3, 4, 4}, at::kFloat, 2);
  return {{"float", table.to(at::kFloat)},
          {"double", table},
          {"bfloat16", table.to(at::kBFloat16)},
          {"long", (table * 100).to(at::kLong)},
          {"bool", table.gt(0)},
          {"complex", at::view_as_complex(table.view({kRows, 3, 2}))},
          {"conjugated", at::view_as_complex(table.view({kRows, 3, 2})).conj()},
          {"negated", at::imag(at::view_as_complex(table.view({kRows, 3, 2})).conj())},
          {"one-dimensional", numbers()},
          {"images", images},
          {"images, channels last", images.contiguous(at::MemoryFormat::ChannelsLast)},
          {"every second column", table.slice(1, 0, 6, 2)},
          {"every second row", normal({2 * kRows, 3}, at::kFloat, 3).slice(0, 0, 2 * kRows, 2)},
          {"rows within rows", normal({kRows + 4, 3}, at::kFloat, 4).narrow(0, 2, kRows)},
          {"transposed", normal({6, kRows}, at::kFloat, 5).t()},
          {"expanded", at::zeros({1, 3}).expand({kRows, 3})},
          {"of no width", at::zeros({kRows, 0})},
          {"of no width within", at::zeros({kRows, 3, 0})},
          {"sparse", table.to_sparse()}};
}

at::Tensor dense(const at::Tensor& tensor) {
  return (tensor.is_sparse() ? tensor.to_dense() : tensor).resolve_conj().resolve_neg();
}

TEST(RowBatchesTest, GatheredBatchesAreIndexSelectsBitForBit) {
  for (const auto& [kind, data] : kinds_of_data()) {
    SCOPED_TRACE(kind);
    RowBatches batches(data, numbers(), 4, order());
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (std::int64_t i = 0; i < 3; ++i) {
        batches.cut(i);
        const auto rows = order().slice(0, 4 * i, 4 * i + 4);
        const auto expected = at::index_select(data, 0, rows);
        EXPECT_EQ(batches.input().layout(), expected.layout());
        if (!data.is_sparse()) {
          EXPECT_EQ(batches.input().strides(), expected.strides());
        }
        EXPECT_TRUE(same_bits(dense(batches.input()), dense(expected)));
        EXPECT_TRUE(same_bits(batches.target(), rows));
      }
    }
  }
}

TEST(RowBatchesTest, WithoutAnOrderBatchesAreViewsOfTheRowsAsTheyLie) {
  for (const auto& [kind, data] : kinds_of_data()) {
    SCOPED_TRACE(kind);
    if (data.is_sparse()) continue;  // has no views
    RowBatches batches(numbers(), data, 4);
    for (std::int64_t i = 0; i < 3; ++i) {
      batches.cut(i);
      EXPECT_TRUE(same_bits(batches.input(), numbers().slice(0, 4 * i, 4 * i + 4)));
      EXPECT_TRUE(same_bits(dense(batches.target()), dense(data.slice(0, 4 * i, 4 * i + 4))));
      EXPECT_TRUE(batches.target().is_alias_of(data));
    }
  }
}

TEST(RowBatchesTest, BatchesComeInTheSameTwoTensors) {
  RowBatches batches(normal({kRows, 6}, at::kFloat, 1), numbers(), 4, order());
  batches.cut(0);
  const auto* input = batches.input().unsafeGetTensorImpl();
  const auto* target = batches.target().unsafeGetTensorImpl();
  batches.cut(1);
  EXPECT_EQ(batches.input().unsafeGetTensorImpl(), input);
  EXPECT_EQ(batches.target().unsafeGetTensorImpl(), target);
}

TEST(RowBatchesTest, WhatSomebodyHoldsIsNotOverwritten) {
  const auto data = normal({kRows, 6}, at::kFloat, 1);
  using Hold = std::function<at::Tensor(const at::Tensor&)>;
  const std::vector<Hold> holds = {[](const at::Tensor& batch) { return batch; },
                                   [](const at::Tensor& batch) { return batch.view({-1}); },
                                   [](const at::Tensor& batch) { return batch.select(1, 2); },
                                   [](const at::Tensor& batch) { return batch.detach(); }};
  for (const auto& hold : holds) {
    RowBatches batches(data, numbers(), 4, order());
    batches.cut(0);
    const auto held = hold(batches.input());
    const auto before = held.clone();
    batches.cut(1);
    EXPECT_TRUE(same_bits(held, before));
    EXPECT_TRUE(same_bits(batches.input(), at::index_select(data, 0, order().slice(0, 4, 8))));
  }
}

TEST(RowBatchesTest, WhatAutogradSavedForBackwardIsNotOverwritten) {
  const auto data = normal({kRows, 6}, at::kDouble, 1);
  const auto weight = test::normal_parameter({6}, at::kDouble, 2);
  RowBatches batches(data, numbers(), 4, order());
  batches.cut(0);
  const auto loss = (batches.input() * weight).sum();
  batches.cut(1);
  loss.backward();
  EXPECT_TRUE(same_bits(weight.grad(), at::index_select(data, 0, order().slice(0, 0, 4)).sum(0)));
}

TEST(RowBatchesTest, WhatWasDoneToABatchDoesNotReachTheNext) {
  const auto data = normal({kRows, 6}, at::kFloat, 1);
  RowBatches batches(data, data.clone(), 4, order());
  const std::vector<std::function<void(at::Tensor)>> deeds = {
      [](at::Tensor batch) { batch.requires_grad_(); }, [](at::Tensor batch) { batch.t_(); },
      [](at::Tensor batch) { batch.resize_({2, 6}); },
      [](at::Tensor batch) { batch.set_data(at::zeros({4, 6}, at::kInt)); }, [](at::Tensor batch) { batch.zero_(); }};
  for (const auto& deed : deeds) {
    batches.cut(0);
    deed(batches.input());
    batches.cut(1);
    EXPECT_FALSE(batches.input().requires_grad());
    EXPECT_TRUE(same_bits(batches.input(), batches.target()));
    EXPECT_TRUE(batches.input().is_contiguous());
  }
}

TEST(RowBatchesTest, ChangesOfTheDataInPlaceAreSeen) {
  for (const auto& rows : {order(), at::Tensor()}) {
    auto data = normal({kRows, 6}, at::kFloat, 1);
    RowBatches batches(data, numbers(), 4, rows);
    batches.cut(0);
    data.mul_(2);
    batches.cut(1);
    EXPECT_TRUE(same_bits(batches.input(), at::index_select(data, 0, batches.target())));
    data.set_data(normal({kRows + 2, 3}, at::kDouble, 2));
    batches.cut(1);
    EXPECT_TRUE(same_bits(batches.input(), at::index_select(data, 0, batches.target())));
  }
}

TEST(RowBatchesTest, DataThatLostRowsAreRefusedInLibtorchsWords) {
  for (const auto& rows : {order(), at::Tensor()}) {
    auto data = normal({kRows, 6}, at::kFloat, 1);
    RowBatches batches(data, numbers(), 4, rows);
    data.resize_({2, 6});
    try {
      batches.cut(1);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFailure);
    }
  }
}

TEST(RowBatchesTest, GradientsReachDataThatTakeThem) {
  const auto data = test::normal_parameter({kRows, 2}, at::kDouble, 1);
  RowBatches batches(data, numbers(), 4, order());
  batches.cut(0);
  batches.input().sum().backward();
  auto expected = at::zeros({kRows, 2}, at::kDouble);
  expected.index_fill_(0, order().slice(0, 0, 4), 1);
  EXPECT_TRUE(same_bits(data.grad(), expected));
}

TEST(RowBatchesTest, AnOrderMayHaveFewerRowsAndOneTwice) {
  RowBatches batches(numbers(), numbers(), 2, at::tensor({4, 4, 1}, at::kLong));
  batches.cut(1);
  EXPECT_TRUE(same_bits(batches.input(), at::tensor({1}, at::kLong)));
  batches.cut(0);
  EXPECT_TRUE(same_bits(batches.input(), at::tensor({4, 4}, at::kLong)));
  expect_error(ErrorKind::kInvalidArgument, "there is no batch 2: the epoch has 2 batches", [&] { batches.cut(2); });
  expect_error(ErrorKind::kInvalidArgument, "there is no batch -1: the epoch has 2 batches", [&] { batches.cut(-1); });
}

TEST(RowBatchesTest, WhatCannotBeCutIsRefused) {
  const auto refused = [](const std::string& message, const at::Tensor& inputs, std::int64_t size,
                          const at::Tensor& rows) {
    expect_error(ErrorKind::kInvalidArgument, message, [&] { RowBatches(inputs, numbers(), size, rows); });
  };
  refused("inputs and targets need the same number of rows, at least one, not 12 and 11", at::zeros({12}), 1, {});
  refused("inputs and targets need the same number of rows, at least one, not none and 11", at::zeros({}), 1, {});
  refused("batch_size is 12, but must be between 1 and the number of rows, 11", numbers(), 12, {});
  refused("batch_size is 0, but must be between 1 and the number of rows, 11", numbers(), 0, order());
  refused("the order must be a list of row numbers of type long, not of type float and 1 dimensions", numbers(), 1,
          at::zeros({3}));
  refused("the order has row 11 of data with 11 rows", numbers(), 1, order() + 1);
  refused("the order has row -1 of data with 11 rows", numbers(), 1, order() - 1);
}

}  // namespace
}  // namespace lrfinder
