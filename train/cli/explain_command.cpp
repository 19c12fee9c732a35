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

int explain(const ExplainGiven& given) {
  std::vector<ExplainedRun> runs;
  for (const std::string& place : given.runs) runs.emplace_back(place);
  const std::filesystem::path first(given.runs[0]);
  const std::filesystem::path folder = std::filesystem::is_directory(first) ? first : first.parent_path();
  const std::filesystem::path out = given.out.empty() ? folder / "explain.html" : given.out;
  const ExplainPage page = explain_page(runs);
  data::write_file(out, page.html);
  for (const std::string& note : page.notes) show("{}\n", note);
  show("Page: {} ({:.1f} MB; open it in a browser, no network is needed)\n", out.string(),
       static_cast<double>(page.html.size()) / 1e6);
  return 0;
}

}  // namespace

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
  command->callback([given, &session] { session.action = [given] { return explain(*given); }; });
}

}  // namespace lockstep::train::cli
