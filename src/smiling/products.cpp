// Products of float32 matrices whose sums have one order: the same bits on every x86-64 with AVX2 and FMA.
//
// An element is fma(a[k], b[k], ... fma(a[1], b[1], fma(a[0], b[0], 0))): as a loop over k has it, whatever the sizes,
// the strides, the processor and the compiler are. Elements are computed side by side, six rows by sixteen columns in
// twelve registers, and never a part of an element; so the tiles' sizes below decide how fast it is, and no bit of it.

#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/baddbmm_cpu_dispatch.h>
#include <ATen/ops/bmm_cpu_dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm_cpu_dispatch.h>
#include <c10/util/Exception.h>
#include <immintrin.h>
#include <torch/csrc/inductor/aoti_torch/utils.h>
#include <torch/library.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace {

using at::Tensor;

constexpr int64_t ROWS = 6, COLUMNS = 16;      // of a tile: 12 of 16 registers, and three for what is multiplied
constexpr int64_t DEPTH = 256, WIDTH = 512;    // of the part of b that is laid out anew: half a megabyte at most
constexpr int64_t ROWS_AT_ONCE = 24 * ROWS;    // of a, that stay in the cache for all columns of that part
constexpr int64_t FEW_ROWS = ROWS;             // of a: laying out b anew would take longer than the product

struct Matrix {
  const float* data;
  int64_t row, column;  // strides

  Matrix at(int64_t i, int64_t j) const { return {data + i * row + j * column, row, column}; }
};

// Which of a tile's columns there are; all of them, usually.
struct Columns {
  __m256i left, right;
  bool all;

  explicit Columns(int64_t count) : left(first(count)), right(first(count - 8)), all(count >= COLUMNS) {}

  static __m256i first(int64_t count) {
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), places);
  }
};

// c[R x 16] = a[R x depth] b[depth x 16], whose rows lie `b_row` apart; added to what c holds, if that is `begun`.
template <int R, bool ALL>
[[gnu::always_inline]] inline void tile(const Matrix& a, const float* b, int64_t b_row, float* c, int64_t c_row,
                                        int64_t depth, const Columns& there, bool begun) {
  __m256 sums[R][2];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    float* to = c + r * c_row;
    sums[r][0] = !begun ? _mm256_setzero_ps() : ALL ? _mm256_loadu_ps(to) : _mm256_maskload_ps(to, there.left);
    sums[r][1] = !begun ? _mm256_setzero_ps() : ALL ? _mm256_loadu_ps(to + 8) : _mm256_maskload_ps(to + 8, there.right);
  }
  const float* from = a.data;
  for (int64_t k = 0; k < depth; ++k, from += a.column, b += b_row) {
    const __m256 left = _mm256_loadu_ps(b), right = _mm256_loadu_ps(b + 8);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m256 x = _mm256_broadcast_ss(from + r * a.row);
      sums[r][0] = _mm256_fmadd_ps(x, left, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(x, right, sums[r][1]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    float* to = c + r * c_row;
    if (ALL) {
      _mm256_storeu_ps(to, sums[r][0]);
      _mm256_storeu_ps(to + 8, sums[r][1]);
    } else {
      _mm256_maskstore_ps(to, there.left, sums[r][0]);
      _mm256_maskstore_ps(to + 8, there.right, sums[r][1]);
    }
  }
}

template <bool ALL>
void tiles(const Matrix& a, const float* b, int64_t b_row, float* c, int64_t c_row, int64_t rows, int64_t depth,
           const Columns& there, bool begun) {
  int64_t i = 0;
  for (; i + ROWS <= rows; i += ROWS) tile<ROWS, ALL>(a.at(i, 0), b, b_row, c + i * c_row, c_row, depth, there, begun);
  const Matrix rest = a.at(i, 0);
  c += i * c_row;
  switch (rows - i) {
    case 5: return tile<5, ALL>(rest, b, b_row, c, c_row, depth, there, begun);
    case 4: return tile<4, ALL>(rest, b, b_row, c, c_row, depth, there, begun);
    case 3: return tile<3, ALL>(rest, b, b_row, c, c_row, depth, there, begun);
    case 2: return tile<2, ALL>(rest, b, b_row, c, c_row, depth, there, begun);
    case 1: return tile<1, ALL>(rest, b, b_row, c, c_row, depth, there, begun);
  }
}

// Eight columns of eight, `apart` from each other, as rows of a panel.
void transpose(const float* from, int64_t apart, float* to) {
  __m256 a[8], b[8];
  for (int i = 0; i < 8; ++i) a[i] = _mm256_loadu_ps(from + i * apart);
  for (int i = 0; i < 8; i += 2) {
    b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
    b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
    a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xEE);
    a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
    a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + COLUMNS * i, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
    _mm256_storeu_ps(to + COLUMNS * (i + 4), _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
  }
}

// Sixteen columns of b, or what there are and zeros, row after row.
void lay_out(const Matrix& b, float* panel, int64_t depth, int64_t columns) {
  if (columns < COLUMNS) {
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t j = 0; j < COLUMNS; ++j) panel[COLUMNS * k + j] = j < columns ? *b.at(k, j).data : 0.0f;
    return;
  }
  int64_t k = 0;
  if (b.column == 1)
    for (; k < depth; ++k) {
      const float* row = b.at(k, 0).data;
      _mm256_storeu_ps(panel + COLUMNS * k, _mm256_loadu_ps(row));
      _mm256_storeu_ps(panel + COLUMNS * k + 8, _mm256_loadu_ps(row + 8));
    }
  else if (b.row == 1)
    for (; k + 8 <= depth; k += 8) {
      transpose(b.at(k, 0).data, b.column, panel + COLUMNS * k);
      transpose(b.at(k, 8).data, b.column, panel + COLUMNS * k + 8);
    }
  for (; k < depth; ++k)
    for (int64_t j = 0; j < COLUMNS; ++j) panel[COLUMNS * k + j] = *b.at(k, j).data;
}

// c[rows x columns] = a[rows x inner] b[inner x columns], added to what c holds, if that is `begun`; c's rows lie one
// after the other.
void multiply(const Matrix& a, const Matrix& b, float* c, int64_t rows, int64_t columns, int64_t inner, bool begun) {
  thread_local std::vector<float> panels(DEPTH * WIDTH);
  const bool in_place = rows <= FEW_ROWS && b.column == 1;
  for (int64_t left = 0; left < columns; left += WIDTH)
    for (int64_t top = 0; top < inner; top += DEPTH) {
      const int64_t depth = std::min(DEPTH, inner - top), right = std::min(columns, left + WIDTH);
      const auto panel = [&](int64_t j) { return panels.data() + (j - left) * depth; };
      const auto as_it_lies = [&](int64_t j) { return in_place && j + COLUMNS <= columns; };
      for (int64_t i = 0; i < rows; i += ROWS_AT_ONCE)
        for (int64_t j = left; j < right; j += COLUMNS) {
          if (i == 0 && !as_it_lies(j)) lay_out(b.at(top, j), panel(j), depth, std::min(COLUMNS, right - j));
          const Columns there(right - j);
          const float* from = as_it_lies(j) ? b.at(top, j).data : panel(j);
          const int64_t row = as_it_lies(j) ? b.row : COLUMNS, count = std::min(ROWS_AT_ONCE, rows - i);
          float* to = c + i * columns + j;
          if (there.all) tiles<true>(a.at(i, top), from, row, to, columns, count, depth, there, begun || top > 0);
          else tiles<false>(a.at(i, top), from, row, to, columns, count, depth, there, begun || top > 0);
        }
    }
}

// What is multiplied here: plain float32 matrices, or batches of as many, whose sizes fit.
bool ours(const Tensor& a, const Tensor& b, int64_t dimensions) {
  const auto plain = [&](const Tensor& x) {
    return x.dim() == dimensions && x.scalar_type() == at::kFloat && x.layout() == at::kStrided && x.device().is_cpu() &&
           !x.is_neg();
  };
  return plain(a) && plain(b) && a.size(-1) > 0 && a.size(-1) == b.size(-2) && (dimensions == 2 || a.size(0) == b.size(0));
}

Matrix matrix(const Tensor& x, int64_t member) {
  const int64_t apart = x.dim() == 3 ? x.stride(0) : 0;
  return {x.const_data_ptr<float>() + member * apart, x.stride(-2), x.stride(-1)};
}

Tensor into(Tensor sum, const Tensor& a, const Tensor& b, bool begun) {
  const int64_t rows = a.size(-2), columns = b.size(-1), members = a.dim() == 3 ? a.size(0) : 1;
  float* c = sum.mutable_data_ptr<float>();
  for (int64_t n = 0; n < members; ++n)
    multiply(matrix(a, n), matrix(b, n), c + n * rows * columns, rows, columns, a.size(-1), begun);
  return sum;
}

std::vector<int64_t> sizes(const Tensor& a, const Tensor& b) {
  std::vector<int64_t> found = a.sizes().vec();
  found.back() = b.size(-1);
  return found;
}

Tensor product(const Tensor& a, const Tensor& b) { return into(at::empty(sizes(a, b), a.options()), a, b, false); }

bool adds(const Tensor& self, const at::Scalar& beta, const at::Scalar& alpha) {
  return self.scalar_type() == at::kFloat && self.device().is_cpu() && beta.equal(1) && alpha.equal(1);
}

Tensor started(const Tensor& self, const Tensor& a, const Tensor& b) {
  return self.expand(sizes(a, b)).clone(at::MemoryFormat::Contiguous);
}

Tensor mm(const Tensor& a, const Tensor& b) { return ours(a, b, 2) ? product(a, b) : at::cpu::mm(a, b); }

Tensor bmm(const Tensor& a, const Tensor& b) { return ours(a, b, 3) ? product(a, b) : at::cpu::bmm(a, b); }

Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, const at::Scalar& beta, const at::Scalar& alpha) {
  if (!ours(a, b, 2) || !adds(self, beta, alpha)) return at::cpu::addmm(self, a, b, beta, alpha);
  return into(started(self, a, b), a, b, true);
}

Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, const at::Scalar& beta, const at::Scalar& alpha) {
  if (!ours(a, b, 3) || !adds(self, beta, alpha)) return at::cpu::baddbmm(self, a, b, beta, alpha);
  return into(started(self, a, b), a, b, true);
}

std::unique_ptr<torch::Library> instead;  // of PyTorch's own products, while there is one

TORCH_LIBRARY(smiling, library) { library.def("product(Tensor a, Tensor b) -> Tensor"); }
TORCH_LIBRARY_IMPL(smiling, CPU, library) { library.impl("product", &bmm); }

}  // namespace

extern "C" {

// By which compiled updates call `product`, which does not go by way of PyTorch's dispatcher.
AOTITorchError aoti_torch_cpu_product(AtenTensorHandle a, AtenTensorHandle b, AtenTensorHandle* found) {
  using torch::aot_inductor::tensor_handle_to_tensor_pointer;
  AOTI_TORCH_CONVERT_EXCEPTION_TO_ERROR_CODE({
    const Tensor made = bmm(*tensor_handle_to_tensor_pointer(a), *tensor_handle_to_tensor_pointer(b));
    *found = torch::aot_inductor::new_tensor_handle(Tensor(made));
  });
}

// From here on PyTorch's products of float32 matrices on a CPU are these.
void take_over() {
  struct Silent : c10::WarningHandler {
    void process(const c10::Warning&) override {}
  } nothing;  // that a kernel is replaced is what is meant
  c10::WarningUtils::WarningHandlerGuard guard(&nothing);
  instead = std::make_unique<torch::Library>(torch::Library::IMPL, "aten", c10::DispatchKey::CPU, __FILE__, __LINE__);
  instead->impl("mm", &mm);
  instead->impl("bmm", &bmm);
  instead->impl("addmm", &addmm);
  instead->impl("baddbmm", &baddbmm);
}

void give_back() { instead.reset(); }

}  // extern "C"
