#!/usr/bin/env bash
# Proves the device path on a machine with a GPU; README.md beside this file says what for and what it takes.
#
#   prove.sh kit [FOLDER]      makes FOLDER/lrfinder-gpu-kit.tar.xz of this checkout; default: benchmarks/target/gpu
#   prove.sh run [REPORT.md]   in the unpacked kit, on the machine with the GPU: writes the report; default: proof.md
#   prove.sh                   both on this machine, one after the other
#
# LRFINDER_PYTHON names a Python that has torch, if python3 has not.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
kit=$root/kit  # what an unpacked kit has besides the sources
kit_name=lrfinder-gpu-kit
kit_limit_mib=60
networks=(1x64 20x64 2x512 2x2048 cnn-28x28)

fail() {
  echo "prove.sh: $*" >&2
  exit 2
}

# ---- The kit

pom_value() { # pom_value PROPERTY
  sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" "$root/pom.xml"
}

# Not compressed, so that all compress together, and without a manifest, which may bring in jars that lie beside it.
repack() { # repack JAR: less what Python's torch has and what nobody asks for
  local folder=$parts/repacked
  mkdir "$folder"
  (cd "$folder" && "$jdk/bin/jar" --extract --file "$1")
  rm -f "$folder/META-INF/MANIFEST.MF"
  find "$folder" \( -name libtorch_cpu.so -o -name libc10.so -o -name libjniopenblas_full.so \) -delete
  "$jdk/bin/jar" --create --no-compress --no-manifest --file "$parts/lib/$(basename "$1")" -C "$folder" .
  rm -r "$folder"
}

make_kit() { # make_kit FOLDER
  local out googletest=/usr/src/googletest/googletest junit
  out=$(mkdir -p "$1" && cd "$1" && pwd)
  local stage=$out/$kit_name parts=$out/$kit_name/kit jdk
  [ -e "$googletest/src/gtest-all.cc" ] ||
    fail "there are no sources of GoogleTest in $googletest: on Debian, apt-get install libgtest-dev"
  jdk=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.home = //p')
  [ -x "$jdk/bin/jlink" ] || fail "the JDK in $jdk has no jlink"
  rm -rf "$stage"
  mkdir -p "$parts/lib" "$parts/jni" "$parts/googletest"

  (cd "$root" && mvn -B -q -DskipTests -Dlrfinder.native=required -pl java -am package)
  git -C "$root" describe --always --dirty --abbrev=12 >"$parts/commit" 2>/dev/null || echo unknown >"$parts/commit"

  tar -C "$root" --exclude=target --exclude=build --exclude=__pycache__ -cf - \
    pom.xml cmake native benchmarks/gpu benchmarks/native benchmarks/python java/src/data java/src/test/reference |
    tar -C "$stage" -xf -
  cp -r "$googletest/include" "$googletest/src" "$parts/googletest"
  cp "$root"/native/target/jni/*.cpp "$parts/jni"
  local cuda_headers
  cuda_headers=$(find "$root/native/target/cmake" -name cuda_runtime_api.h -printf '%h' -quit)
  if [ -n "$cuda_headers" ]; then cp -r "$cuda_headers" "$parts/cuda"; fi

  "$jdk/bin/jlink" --add-modules java.desktop,java.logging,java.management,java.naming,jdk.unsupported \
    --strip-debug --no-man-pages --no-header-files --compress=0 --output "$parts/jre"
  mkdir -p "$parts/jre/include/linux"
  cp "$jdk/include/jni.h" "$parts/jre/include"
  cp "$jdk/include/linux/jni_md.h" "$parts/jre/include/linux"

  # The demo draws: a font, and what finds and reads it.
  local fontconfig
  fontconfig=$(ldconfig -p | awk '/libfontconfig.so.1/ { print $NF; exit }')
  mkdir "$parts/fonts"
  cp "$(fc-match -f '%{file}' sans-serif)" "$fontconfig" "$parts/fonts"
  ldd "$fontconfig" "$jdk/lib/libfontmanager.so" | awk '$3 ~ /^\// { print $3 }' | sort -u |
    grep -E '/lib(freetype|png16|brotlidec|brotlicommon|bz2|z|expat|uuid)\.so' | xargs cp -t "$parts/fonts"

  local jar
  for jar in "$root/java/target/lrfinder.jar" "$root"/java/target/lib/*.jar; do
    case $(basename "$jar") in
      mkl-*) ;;                      # Python's torch has it
      lrfinder-native-*-linux-*) ;;  # built there, for the torch there
      *) repack "$jar" ;;
    esac
  done

  cp -r "$root/java/target/test-classes" "$parts/lib/tests"
  junit=$(pom_value junit.version)
  for artifact in "org.junit.platform:junit-platform-console-standalone:1.${junit#*.}" \
    "org.assertj:assertj-core:$(pom_value assertj.version)"; do
    mvn -B -q dependency:copy -Dartifact="$artifact" -DoutputDirectory="$out/tests"
  done
  for jar in "$out"/tests/*.jar; do repack "$jar"; done
  rm -r "$out/tests"
  (cd "$root/java/src/test/java" && grep -rl '@Tag("cuda")' . || true) |
    sed 's:^\./::; s:\.java$::; s:/:.:g' >"$parts/cuda-tests"

  tar -C "$out" -cf - "$kit_name" | xz -9 -T0 >"$out/$kit_name.tar.xz"
  local bytes
  bytes=$(stat -c %s "$out/$kit_name.tar.xz")
  echo "$out/$kit_name.tar.xz: $((bytes / 1024)) KiB"
  [ "$bytes" -le $((kit_limit_mib * 1024 * 1024)) ] || fail "that is more than $kit_limit_mib MiB"
}

# ---- The report

say() { # say LINE...: to the report and to whoever watches
  printf '%s\n' "$@" | tee -a "$report"
}

cell() { # cell TEXT: as it may stand in a table
  tr '\n|' ' /' <<<"$1" | sed 's/ *$//'
}

in_a_row() { # the lines, with commas
  paste -sd, | sed 's/,/, /g'
}

# attempt SECONDS COMMAND...: leaves what it printed in $log, its last line in $last and its exit code in $code.
attempt() {
  local limit=$1
  shift
  code=0
  timeout "$limit" "$@" >"$log" 2>&1 </dev/null || code=$?
  { echo "\$ $*" && cat "$log"; } >>"$logs"
  last=$(grep -v '^[[:space:]]*$' "$log" | tail -n 1 | sed 's/^ *//' | cut -c1-400 || true)
}

row() { # row POINT WORDS RESULT DETAIL
  results+=("$3")
  say "| $1 | $(cell "$2") | $3 | $(cell "$4") |"
}

result() { # result: of the last attempt
  case $code in
    0) echo pass ;;
    77) echo "not run" ;;
    124) echo "fail (time is up)" ;;
    *) echo "fail" ;;
  esac
}

# What takes a GPU. Without one the same is tried on the CPU, which proves nothing about a GPU, and is called so.
device_row() { # device_row POINT WORDS
  if [ "$device" = cuda ]; then
    row "$1" "$2" "$(result)" "$last"
  else
    local instead="no CUDA"
    if [ "$(result)" != pass ] && [ "$code" -ne 77 ]; then instead=$(result); fi
    row "$1" "$2" "$instead" "on the CPU: $(result); $last"
  fi
}

machine() {
  "$python" - <<'PYTHON'
import platform
import torch

print(f"| torch | {torch.__version__}, Python {platform.python_version()} |")
if torch.cuda.is_available():
    gpu = torch.cuda.get_device_properties(0)
    print(
        f"| GPU | {gpu.name}, compute capability {gpu.major}.{gpu.minor}, {gpu.total_memory / 2**30:.1f} GiB,"
        f" CUDA {torch.version.cuda} |"
    )
else:
    print("| GPU | no CUDA: " + ("libtorch without it" if torch.version.cuda is None else "libtorch finds no device") + " |")
PYTHON
  if command -v nvidia-smi >/dev/null; then
    echo "| driver | $(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1) |"
  fi
  echo "| processor | $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores |"
  echo "| compiler | $(c++ --version | head -n 1) |"
  echo "| lrfinder | commit $(cat "$kit/commit" 2>/dev/null || git -C "$root" describe --always --dirty --abbrev=12) |"
  echo "| date | $(date -u +%F) |"
}

# ---- The steps

build_core() {
  local options=(-DLRFINDER_TORCH=python -DLRFINDER_PYTHON="$(command -v "$python")" -DLRFINDER_GPU_PROOF=ON)
  if command -v ninja >/dev/null; then options+=(-G Ninja); fi
  if [ -e "$kit/googletest" ]; then options+=(-DLRFINDER_GOOGLETEST="$kit/googletest"); fi
  if [ -e "$kit/cuda" ]; then
    options+=(-DLRFINDER_CUDA_HEADERS="$kit/cuda")
  elif [ -e "$kit" ]; then
    options+=(-DLRFINDER_CUDA=OFF)  # pip would look for them in the network
  fi
  if [ -e "$kit/jni" ]; then
    options+=(-DLRFINDER_JAVA_HOME="$kit/jre" -DLRFINDER_JNI_LIBRARY_DIRECTORY="$jni"
      -DLRFINDER_JNI_SOURCES="$kit/jni/jnilrfinder.cpp;$kit/jni/jnijavacpp.cpp")
  fi
  attempt 120 cmake -S "$root/native" -B "$build" "${options[@]}"
  if [ "$code" -eq 0 ]; then attempt 3600 cmake --build "$build" --parallel "$(nproc)"; fi
}

core_tests() { # core_tests FILTER
  attempt 900 "$build/test/lrfinder_tests" --gtest_brief=1 --gtest_filter="$1"
  last=$(sed -nE 's/^\[ +(PASSED|SKIPPED) +\] ([0-9]+) tests?.*/\2 \L\1/p; s/^\[ +FAILED +\] ([^ ,]+).*/\1 failed/p' "$log" | in_a_row)
}

# The command that runs Java over the torch of Python, but for class and arguments.
set_java() {
  local path=$build/jni part
  for part in "$kit"/lib/*; do path+=:$part; done
  cat >"$build/fonts.conf" <<<"<fontconfig><dir>$kit/fonts</dir><cachedir>$build/fonts</cachedir></fontconfig>"
  java=(env LD_LIBRARY_PATH="${nvidia:+$nvidia:}${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$kit/fonts" FONTCONFIG_FILE="$build/fonts.conf"
    "$kit/jre/bin/java" -ea -Djava.awt.headless=true
    -Dorg.bytedeco.javacpp.pathsFirst=true -Djava.library.path="$torch/lib"
    -Dorg.bytedeco.javacpp.cachedir="$build/javacpp"
    -Dlrfinder.data="$root/java/src/data" -Dlrfinder.reference="$root/java/src/test/reference" -cp "$path")
}

prove_java() {
  local words="the Java suite's tests for CUDA" engine
  if [ ! -e "$kit/lib" ]; then
    row 10 "$words, and the demo on the device with both engines" "not run" "there is no Java here: make a kit"
    return
  fi
  set_java
  if [ ! -s "$kit/cuda-tests" ]; then
    row 10 "$words" "not run" "no test is for CUDA"
  else
    local select=()
    while read -r class; do select+=(--select-class "$class"); done <"$kit/cuda-tests"
    attempt 120 "${java[@]}" org.junit.platform.console.ConsoleLauncher execute "${select[@]}" --include-tag cuda \
      --details tree --disable-banner --disable-ansi-colors --fail-if-no-tests
    if [ "$code" -eq 0 ] && grep -q ' 0 tests successful' "$log"; then code=77; fi
    last=$(sed -nE 's/^\[ *([0-9]+) tests (successful|failed|aborted) *\]$/\1 \2/p' "$log" | in_a_row)
    device_row 10 "$words"
  fi
  for engine in native portable; do
    local options=(demo --engine "$engine" --out "$build/demo-$engine")
    if [ "$device" = cuda ]; then options+=(--device cuda); fi
    attempt 90 "${java[@]}" org.lrfinder.cli.Main "${options[@]}"
    last="$(grep -m 1 '^device' "$log" | sed 's/$/; /' || true)$last"
    device_row 10 "the demo with the $engine engine"
  done
  if [ "$device" = cpu ]; then
    attempt 60 "${java[@]}" org.lrfinder.cli.Main demo --device cuda --out "$build/demo-cuda"
    case $code in 2) code=0 ;; *) code=1 ;; esac
    row 10 "--device cuda, where there is none, is refused in words" "$(result)" "$last"
  fi
}

prove_run() { # prove_run REPORT
  report=$(realpath "$1")
  python=${LRFINDER_PYTHON:-python3}
  build=$root/build/prove
  jni=$build/jni/org/lrfinder/internal/nativecore/linux-x86_64
  logs=${report%.md}.log
  log=$build/last.log
  results=()
  mkdir -p "$build"
  : >"$report"
  : >"$logs"
  torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))') ||
    fail "$python has no torch; LRFINDER_PYTHON names one that has"
  nvidia=$(find "$torch/../nvidia" -maxdepth 2 -name lib 2>/dev/null | paste -sd:)
  device=$("$python" -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')
  SECONDS=0

  say "# The device path, tried" "" "Written by \`benchmarks/gpu/prove.sh\`, whose page says what the points are." "" \
    "| | |" "|---|---|" "$(machine)" "" "| point | what | result | found |" "|---|---|---|---|"

  build_core
  row 1 "the core, its tests and the JNI library build against that torch" "$(result)" "in $SECONDS s, by $(nproc) cores"
  if [ "$code" -ne 0 ]; then
    say "" "Nothing else could be tried. The end of what the build said:" "" '```' "$(tail -n 20 "$log")" '```'
    exit 1
  fi

  core_tests '-*CUDA*'
  row 1 "the core's tests on the CPU, CUDA loaded if that torch has it" "$(result)" "$last"
  words="the core's tests on the device"
  if [ "$device" = cuda ]; then
    core_tests '*CUDA*'
    row 1 "$words" "$(result)" "$last"
  else
    row 1 "$words" "no CUDA" "those above were on a simulated one too"
  fi

  local number name words
  while IFS=$'\t' read -r number name words; do
    if [ "$number" -eq 11 ]; then prove_java; fi
    attempt 120 "$build/gpu/prove" check "$name" "$device"
    device_row "$number" "$words"
  done < <("$build/gpu/prove" list)

  words="compute-sanitizer finds nothing in the checks of updates and clipping"
  if [ "$device" = cpu ]; then
    row 12 "$words" "no CUDA" ""
  elif ! command -v compute-sanitizer >/dev/null; then
    row 12 "$words" "not run" "there is no compute-sanitizer here"
  else
    attempt 120 compute-sanitizer --error-exitcode 1 "$build/gpu/prove" check optimizers cuda
    if [ "$code" -eq 0 ]; then attempt 120 compute-sanitizer --error-exitcode 1 "$build/gpu/prove" check clipping cuda; fi
    row 12 "$words" "$(result)" "$last"
  fi

  say "" "## Microseconds a step" ""
  if [ "$device" = cpu ]; then say "no CUDA: these are the CPU's, where each loss is read in its step." ""; fi
  times
  say "" "$(summary), in $SECONDS s."
  [[ " ${results[*]}" != *" fail"* ]]
}

times() {
  local network
  attempt 300 env TQDM_DISABLE=1 "$python" "$root/benchmarks/gpu/lightning_steps.py" "$device" "${networks[@]}"
  if [ "$code" -ne 0 ]; then say "Lightning could not be timed: $(result): $(cell "$last")" ""; fi
  cp "$log" "$build/lightning"
  say "| network | read each step | late | graph | bare C++ | plain C++ | peak of device memory, MiB | Lightning |" \
    "|---|---|---|---|---|---|---|---|"
  for network in "${networks[@]}"; do
    attempt 300 "$build/gpu/prove" time "$network" "$device"
    if [ "$code" -ne 0 ]; then
      results+=("$(result)")
      last="| $network | $(result): $(cell "$last") | | | | | |"
    fi
    say "$last $(awk -F '\t' -v network="$network" '$1 == network { print $2 }' "$build/lightning") |"
  done
}

summary() {
  printf '%s\n' "${results[@]}" | sed 's/ (.*//' | sort | uniq -c | awk '{ n = $1; $1 = ""; print substr($0, 2) ": " n }' | in_a_row
}

case ${1:-both} in
  kit) make_kit "${2:-$root/benchmarks/target/gpu}" ;;
  run) prove_run "${2:-proof.md}" ;;
  both)
    make_kit "$root/benchmarks/target/gpu"
    "$root/benchmarks/target/gpu/$kit_name/benchmarks/gpu/prove.sh" run proof.md
    ;;
  *) fail "usage: prove.sh [kit [FOLDER] | run [REPORT.md]]" ;;
esac
