// Runs a SavedModel the way tensorflow_model_server does: tensorflow::LoadSavedModel and
// Session::Run on the signatures' tensor names, with no Python in the process.
//
//   run_saved_model FOLDER PLAN [--repeat N] [--threads N] [--xla] [--library FILE]...
//
// PLAN holds a line for each call: SIGNATURE <tab> OUTPUT_FOLDER <tab> NAME=FILE <tab> ..., where
// FILE is a serialized TensorProto. The outputs go to OUTPUT_FOLDER/NAME.pb; a line of PLAN is
// answered by a line on stdout, "ok <tab> SIGNATURE <tab> milliseconds ..." or
// "error <tab> SIGNATURE <tab> what went wrong".

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/compiler/jit/flags.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/protobuf/meta_graph.pb.h"
#include "tensorflow/core/public/session.h"
#include "tensorflow/core/public/session_options.h"

namespace {

using tensorflow::SignatureDef;
using tensorflow::Tensor;
using tensorflow::TensorProto;

[[noreturn]] void Fail(const std::string& message) {
  std::cerr << "run_saved_model: " << message << std::endl;
  std::exit(1);
}

std::vector<std::string> Split(const std::string& line, char separator) {
  std::vector<std::string> parts(1);
  for (char c : line) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

struct Call {
  std::string signature;
  std::string folder;
  std::map<std::string, std::string> files;  // Input name -> file.
};

// Runs one call; gives what went wrong, or nothing.
absl::Status Run(const tensorflow::SavedModelBundle& bundle, const Call& call, int repeat,
                 std::vector<double>* milliseconds) {
  const auto& signatures = bundle.meta_graph_def.signature_def();
  const auto found = signatures.find(call.signature);
  if (found == signatures.end()) return absl::NotFoundError("no such signature");
  const SignatureDef& signature = found->second;

  std::vector<std::pair<std::string, Tensor>> feeds;
  for (const auto& [name, info] : signature.inputs()) {
    const auto file = call.files.find(name);
    if (file == call.files.end()) return absl::InvalidArgumentError("no input " + name);
    TensorProto proto;
    auto status = tensorflow::ReadBinaryProto(tensorflow::Env::Default(), file->second, &proto);
    if (!status.ok()) return status;
    Tensor tensor;
    if (!tensor.FromProto(proto)) return absl::DataLossError("no TensorProto: " + file->second);
    feeds.emplace_back(info.name(), tensor);
  }
  std::vector<std::string> names, fetches;
  for (const auto& [name, info] : signature.outputs()) {
    names.push_back(name);
    fetches.push_back(info.name());
  }
  std::vector<Tensor> outputs;
  for (int i = 0; i < repeat; ++i) {
    const auto start = std::chrono::steady_clock::now();
    auto status = bundle.GetSession()->Run(feeds, fetches, {}, &outputs);
    if (!status.ok()) return status;
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - start;
    milliseconds->push_back(passed.count());
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    TensorProto proto;
    if (outputs[i].dtype() == tensorflow::DT_STRING) {
      outputs[i].AsProtoField(&proto);
    } else {
      outputs[i].AsProtoTensorContent(&proto);
    }
    auto status = tensorflow::WriteBinaryProto(tensorflow::Env::Default(),
                                               call.folder + "/" + names[i] + ".pb", proto);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) Fail("usage: run_saved_model FOLDER PLAN [--repeat N] [--threads N] [--xla]");
  const std::string folder = argv[1], plan_file = argv[2];
  int repeat = 1, threads = 0;
  bool xla = false;
  for (int i = 3; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--xla") {
      xla = true;
      continue;
    }
    if (i + 1 == argc) Fail("no value for " + flag);
    const std::string value = argv[++i];
    if (flag == "--repeat") {
      repeat = std::stoi(value);
    } else if (flag == "--threads") {
      threads = std::stoi(value);
    } else if (flag == "--library") {
      TF_Status* status = TF_NewStatus();
      TF_LoadLibrary(value.c_str(), status);
      if (TF_GetCode(status) != TF_OK) Fail(TF_Message(status));
      TF_DeleteStatus(status);
    } else {
      Fail("unknown flag " + flag);
    }
  }
  // So does tensorflow_model_server, unless --xla_cpu_compilation_enabled is given.
  if (!xla) tensorflow::DisableXlaCompilation();

  tensorflow::SessionOptions options;
  options.config.set_intra_op_parallelism_threads(threads);
  options.config.set_inter_op_parallelism_threads(threads);
  tensorflow::SavedModelBundle bundle;
  const auto loaded = tensorflow::LoadSavedModel(options, tensorflow::RunOptions(), folder,
                                                 {"serve"}, &bundle);
  if (!loaded.ok()) Fail("LoadSavedModel: " + std::string(loaded.ToString()));

  std::ifstream plan(plan_file);
  if (!plan) Fail("cannot read " + plan_file);
  for (std::string line; std::getline(plan, line);) {
    const auto parts = Split(line, '\t');
    if (parts.size() < 2) Fail("bad line in the plan: " + line);
    Call call{parts[0], parts[1], {}};
    for (size_t i = 2; i < parts.size(); ++i) {
      const auto equals = parts[i].find('=');
      if (equals == std::string::npos) Fail("bad input in the plan: " + parts[i]);
      call.files[parts[i].substr(0, equals)] = parts[i].substr(equals + 1);
    }
    std::vector<double> milliseconds;
    const auto status = Run(bundle, call, repeat, &milliseconds);
    if (status.ok()) {
      std::printf("ok\t%s", call.signature.c_str());
      for (double value : milliseconds) std::printf("\t%.4f", value);
      std::printf("\n");
    } else {
      const std::string message(status.message());
      std::printf("error\t%s\t%s\n", call.signature.c_str(),
                  message.substr(0, message.find('\n')).c_str());
    }
    std::fflush(stdout);
  }
  return 0;
}
