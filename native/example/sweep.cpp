// A sweep in C++: prints rate, loss and smoothed loss of each step.
#include <lrfinder/sweep.h>
#include <torch/nn.h>
#include <torch/optim.h>
#include <torch/utils.h>

#include <cmath>
#include <cstdio>

int main() {
  torch::manual_seed(1);
  const auto inputs = torch::randn({2048, 20});
  const auto targets = inputs.narrow(1, 0, 5).argmax(1);  // which of the first five numbers is the greatest

  torch::nn::Sequential network(torch::nn::Linear(20, 64), torch::nn::ReLU(), torch::nn::Linear(64, 5));
  torch::optim::Adam adam(network->parameters(), torch::optim::AdamOptions(1e-3));

  constexpr int kSteps = 100;
  lrfinder::SweepSubject subject;
  subject.add_part(network.get(), /*recorded=*/true);
  subject.add_optimizer(adam);
  lrfinder::SweepSettings settings;
  settings.steps = kSteps;
  lrfinder::Sweep sweep(subject, settings);
  for (int i = 0; i < kSteps; ++i) {
    const double lr = 1e-7 * std::pow(1e8, i / (kSteps - 1.0));
    const auto row = i * 32 % 2048;
    const auto outcome =
        sweep.step(inputs.narrow(0, row, 32), targets.narrow(0, row, 32), lrfinder::Loss::kCrossEntropy, lr);
    if (outcome == lrfinder::Outcome::kNonFinite) break;
    const auto& loss = sweep.running_loss();
    std::printf("%.3e %.6f %.6f\n", lr, loss.last, loss.smoothed);
    if (outcome == lrfinder::Outcome::kDiverged) break;
  }
  sweep.restore();
  std::fprintf(stderr, "%lld steps were replayed\n", static_cast<long long>(sweep.replayed_steps()));
}
