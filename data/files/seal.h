#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "data/files/file_reader.h"

namespace lockstep::data {

// Sixteen bytes after the content of every HDF5 file that is written here: "lockstep" and a hash of the
// content. HDF5 1.10 checks little of what it reads, and a damaged file can crash it; with a seal the damage
// is found first. Readers of HDF5 stop before it, and a program that changes the file drops it.
using Seal = std::array<std::byte, 16>;
Seal seal_of(std::span<const std::byte> content);

bool is_sealed(const FileReader& file);

// False for a file whose seal is that of another content; true where there is none.
bool is_intact(const FileReader& file);

}  // namespace lockstep::data
