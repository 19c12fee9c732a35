// lockstep report
#include <fmt/format.h>

#include <filesystem>

#include "data/files/atomic_file.h"
#include "train/cli/commands.h"
#include "train/report/verdict_table.h"
#include "train/study/study_results.h"
#include "train/text/output.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"

namespace lockstep::train::cli {

void add_report(CLI::App& app, Session& session) {
  auto place = std::make_shared<std::filesystem::path>();
  CLI::App* command = app.add_subcommand(
      "report", "make report.html and the tables (*.csv) again from study.h5, without training");
  command->add_option("study", *place, "a study's folder, or its study.h5")->required();
  command->callback([place, &session] {
    session.action = [place] {
      const std::filesystem::path file = std::filesystem::is_directory(*place) ? *place / "study.h5" : *place;
      const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
      data::remove_leftovers(folder);
      print_verdict(write_results(read_study_record(file), folder));
      const std::string page = (folder / "report.html").string() + " (open it in a browser)";
      show_text("\n" + hanging("Report: ", page, output_width()));
      return 0;
    };
  });
}

}  // namespace lockstep::train::cli
