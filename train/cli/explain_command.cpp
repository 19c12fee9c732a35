// lockstep explain
#include <filesystem>

#include "data/files/atomic_file.h"
#include "train/cli/commands.h"
#include "train/explain/page.h"
#include "train/text/output.h"

namespace lockstep::train::cli {

namespace {

struct ExplainGiven {
  std::vector<std::string> runs;
  std::filesystem::path out;
};

}  // namespace

void write_page(const std::vector<std::string>& places, std::filesystem::path out) {
  std::vector<ExplainedRun> runs;
  for (const std::string& place : places) runs.emplace_back(place);
  const std::filesystem::path first(places[0]);
  const std::filesystem::path folder = std::filesystem::is_directory(first) ? first : first.parent_path();
  if (out.empty()) out = folder / "explain.html";
  const ExplainPage page = explain_page(runs);
  data::write_file(out, page.html);
  for (const std::string& note : page.notes) show("{}\n", note);
  show("Page: {} ({:.1f} MB; open it in a browser, no network is needed)\n", out.string(),
       static_cast<double>(page.html.size()) / 1e6);
}

void add_explain(CLI::App& app, Session& session) {
  auto given = std::make_shared<ExplainGiven>();
  CLI::App* command = app.add_subcommand(
      "explain", "a page that shows what happens inside a trained model, forward and backward, step by step");
  command
      ->add_option(
          "runs", given->runs,
          "a folder of lockstep train, or its checkpoint.h5; two of the same task and size stand side by "
          "side. With train --keep the page can go through the training")
      ->required()
      ->expected(1, 2);
  command->add_option("--out", given->out, "the page; default: explain.html in the first run's folder");
  command->callback([given, &session] {
    session.action = [given] {
      write_page(given->runs, given->out);
      return 0;
    };
  });
}

}  // namespace lockstep::train::cli
