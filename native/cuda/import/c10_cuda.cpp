// The functions of libc10_cuda.so that liblrfinder_cuda.so calls, for the linker: never run. Against libtorch's own,
// with LRFINDER_TORCH=python, it finds each of them there.
extern "C" {
void _ZN3c104cuda17getStreamFromPoolEba() {}    // getStreamFromPool(bool, DeviceIndex)
void _ZN3c104cuda20getCurrentCUDAStreamEa() {}  // getCurrentCUDAStream(DeviceIndex)
void _ZNK3c104cuda10CUDAStream6streamEv() {}    // CUDAStream::stream() const
}
