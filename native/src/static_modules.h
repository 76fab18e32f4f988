#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace lrfinder {

/// Reads the options of a module that its operators take as numbers: a recorded step has them built in.
class OptionReader;

/// A network's modules as a recorded step found them.
class StaticModules {
 public:
  /// Why a step of this network is not known to be the same for every batch of a shape; empty if it is. Known are
  /// layers of exactly the classes that this file lists.
  static std::string unknown(torch::nn::Module& network);

  /// Of any network, or none.
  explicit StaticModules(torch::nn::Module* network);
  explicit StaticModules(const torch::jit::Module& script);

  /// Whether train/eval modes, options and the number of layers are what they were.
  bool unchanged() const;

 private:
  struct Found {
    const torch::nn::Module* module;
    std::shared_ptr<torch::nn::Module> owner;               // of a part of the network
    void (*read)(const torch::nn::Module&, OptionReader&);  // null without options
    std::vector<double> options;
    bool training;
  };

  /// What an attribute of a TorchScript module was: a tensor, or a value that the graph reads.
  struct Attribute {
    torch::jit::ObjectPtr owner;
    std::size_t slot;
    c10::IValue value;
  };

  void add(const torch::nn::Module& module, std::shared_ptr<torch::nn::Module> owner);

  std::vector<Found> found_;
  std::vector<Attribute> attributes_;
};

}  // namespace lrfinder
