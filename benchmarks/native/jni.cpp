// The methods of org.lrfinder.benchmarks.speed.CppLoop.

#include <c10/core/GradMode.h>
#include <jni.h>

#include <exception>
#include <string>
#include <vector>

#include "loops.h"

namespace {

namespace bench = lrfinder_benchmarks;

/// The tensor that JavaCPP's pointer points to.
const at::Tensor& tensor_at(jlong address) { return *reinterpret_cast<const at::Tensor*>(address); }

std::string text(JNIEnv* env, jstring value) {
  const char* characters = env->GetStringUTFChars(value, nullptr);
  std::string result(characters);
  env->ReleaseStringUTFChars(value, characters);
  return result;
}

void set_weights(JNIEnv* env, torch::nn::Module& module, jlongArray addresses) {
  std::vector<jlong> raw(env->GetArrayLength(addresses));
  env->GetLongArrayRegion(addresses, 0, static_cast<jsize>(raw.size()), raw.data());
  std::vector<at::Tensor> parameters = module.parameters();
  const c10::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters.size(); ++i) parameters.at(i).copy_(tensor_at(raw.at(i)));
}

/// Runs `call`, and turns what it throws into an exception of Java.
template <typename Call>
auto guarded(JNIEnv* env, const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::exception& error) {
    env->ThrowNew(env->FindClass("java/lang/IllegalStateException"), error.what());
    return {};
  }
}

}  // namespace

/// The result is never freed: benchmarks need it as long as their process runs.
extern "C" JNIEXPORT jlong JNICALL Java_org_lrfinder_benchmarks_speed_CppLoop_create(JNIEnv* env, jclass, jboolean bare,
                                                                                     jstring network, jstring optimizer,
                                                                                     jlongArray weights, jlong inputs,
                                                                                     jlong targets, jint batch_size,
                                                                                     jboolean shuffled) {
  return guarded(env, [&] {
    bench::Workload workload{bench::network_of(text(env, network)),
                             text(env, optimizer),
                             tensor_at(inputs),
                             tensor_at(targets),
                             batch_size,
                             shuffled != JNI_FALSE};
    set_weights(env, *workload.network.module, weights);
    return reinterpret_cast<jlong>(
        (bare != JNI_FALSE ? bench::bare_loop(std::move(workload)) : bench::plain_loop(std::move(workload))).release());
  });
}

extern "C" JNIEXPORT jdoubleArray JNICALL Java_org_lrfinder_benchmarks_speed_CppLoop_run(JNIEnv* env, jclass,
                                                                                         jlong loop, jdoubleArray rates,
                                                                                         jboolean restored) {
  return guarded(env, [&] {
    std::vector<double> values(env->GetArrayLength(rates));
    env->GetDoubleArrayRegion(rates, 0, static_cast<jsize>(values.size()), values.data());
    const std::vector<double> losses = reinterpret_cast<bench::Loop*>(loop)->run(values, restored != JNI_FALSE);
    const auto length = static_cast<jsize>(losses.size());
    jdoubleArray result = env->NewDoubleArray(length);
    if (result != nullptr) env->SetDoubleArrayRegion(result, 0, length, losses.data());
    return result;
  });
}
