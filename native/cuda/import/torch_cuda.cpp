// The functions of libtorch_cuda.so that liblrfinder_cuda.so calls, for the linker: never run. Against libtorch's own,
// with LRFINDER_TORCH=python, it finds each of them there.
extern "C" {
void _ZN2at4cuda9CUDAGraphC1Eb() {}                                         // CUDAGraph::CUDAGraph(bool)
void _ZN2at4cuda9CUDAGraphD1Ev() {}                                         // CUDAGraph::~CUDAGraph()
void _ZN2at4cuda9CUDAGraph24register_generator_stateERKNS_9GeneratorE() {}  // register_generator_state(Generator)
void _ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode() {}  // capture_begin(pool, mode)
void _ZN2at4cuda9CUDAGraph11capture_endEv() {}                                     // capture_end()
void _ZN2at4cuda9CUDAGraph6replayEv() {}                                           // replay()
void _ZN2at4cuda9CUDAGraph4poolEv() {}                                             // pool()
}
