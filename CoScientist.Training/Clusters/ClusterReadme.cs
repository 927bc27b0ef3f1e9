using System.Text;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Clusters;

/// <summary>What the folder of an export says of itself.</summary>
internal static class ClusterReadme
{
    public static string Of(ClusterJob job, string trainer, string version, IReadOnlyList<ClusterSetting> settings, IReadOnlyList<RunSpecFault> warnings)
    {
        var text = new StringBuilder();
        text.Append($"# {job.Name}: trained by {trainer}\n\n");
        text.Append($"Made for {trainer} {version}. The folder lies at `{job.Folder}` as the machines see it; the model at `{job.Model}`. Start:\n\n    sh {ClusterExport.ScriptFile}\n\n");
        foreach (var variable in new[] { job.Grader.KeyVariable, job.Judge.KeyVariable }.Where(name => name.Length > 0).Distinct(StringComparer.Ordinal))
        {
            text.Append($"The key of a grading server is read from the environment variable `{variable}` of the machines. It is in no file of this folder.\n");
        }

        text.Append("\n## Files\n\n");
        text.Append("- `train.jsonl`, `validation.jsonl`: one goal a line. The prompt is the goal alone; the rubric stands in `extra_info` and `reward_model`.");
        text.Append(trainer == "verl" ? $" {trainer} {version} reads these files. For tools that read Parquet only: `python3 coscientist_parquet.py` (package datasets).\n" : "\n");
        text.Append("- `coscientist_*.py`: the grading protocol, the reward, and what calls them. Plain Python 3, no package.\n");
        text.Append("- `reward.json`: penalties, how graders are asked, and where they are. `grader-prompt.txt`: what they are asked.\n");
        text.Append("- `gradings/` (written while it runs): every plan with its verdicts, one line each.\n");
        text.Append("- `checkpoints/` (written while it runs).\n\n");
        text.Append("## Plans that could not be graded\n\n");
        text.Append("A server that fails is asked again up to six times, waiting longer each time; an answer that cannot be read is asked for once more. After that the plan has no reward. It is never a zero. ");
        text.Append(trainer == "verl"
            ? "The reward function raises, and verl's trainer leaves the plan out of its group: neither the mean nor the loss sees it. A group without any plan left is replaced. One thing differs from the application: when a single plan of a group is left, verl takes 0 for the group's mean.\n"
            : "The reward function gives None, and TRL leaves the plan out of its group's mean and sets its advantage to zero; its tokens still count in the loss's divisor.\n");
        text.Append("\nA plan that was cut off by the token limit after its closing tag counts as finished here: reward functions see text, not tokens.\n");
        if (warnings.Count > 0)
        {
            text.Append("\n## Mind\n\n").AppendJoin("\n", warnings.Select(warning => $"- `{warning.Path}` {warning.Message}.")).Append('\n');
        }

        text.Append($"\n## Settings\n\n| field | {trainer} | value |\n|---|---|---|\n");
        foreach (var setting in settings)
        {
            text.Append($"| {(setting.Field.Length == 0 ? "" : $"`{setting.Field}`")} | `{setting.Key}` | `{setting.Value}` |\n");
        }

        text.Append("\nFields that are no setting of the trainer:\n\n| field | goes into |\n|---|---|\n");
        foreach (var (field, where) in ClusterFaults.Elsewhere.Where(entry => settings.All(setting => setting.Field != entry.Key)))
        {
            text.Append($"| `{field}` | {where} |\n");
        }

        return text.ToString();
    }
}
