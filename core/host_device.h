#pragma once

// Marks a function that CUDA kernels call, too.
#ifdef __CUDACC__
#define LOCKSTEP_HD __host__ __device__
#else
#define LOCKSTEP_HD
#endif
