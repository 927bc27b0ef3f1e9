using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Training.Clusters;

/// <summary>Writes a run as a folder that a trainer elsewhere runs with one command: data, reward function, settings and command.</summary>
public static class ClusterExport
{
    /// <summary>The command of the folder.</summary>
    public const string ScriptFile = "run.sh";

    private static readonly JsonSerializerOptions Lines = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Pretty = new(RunSpec.JsonOptions) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the folder for verl, whole or not at all.</summary>
    /// <param name="folder">The folder as this machine names it; must not exist.</param>
    /// <param name="job">The run.</param>
    /// <param name="cluster">The machines.</param>
    /// <exception cref="RunSpecException">verl cannot do what the specification asks.</exception>
    /// <exception cref="IOException">The folder exists already, or the disk refuses; nothing has changed.</exception>
    public static void WriteVerl(string folder, ClusterJob job, ClusterOptions cluster)
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentNullException.ThrowIfNull(cluster);
        Write(folder, VerlFiles(job, cluster));
    }

    /// <summary>Brings a folder for verl up to date for a run that goes on; its goals stay as they were when the run began.</summary>
    /// <param name="folder">The folder as this machine names it.</param>
    /// <param name="job">The run.</param>
    /// <param name="cluster">The machines.</param>
    internal static void RefreshVerl(string folder, ClusterJob job, ClusterOptions cluster)
    {
        foreach (var (name, text) in VerlFiles(job, cluster).Where(file => !file.Key.EndsWith(".jsonl", StringComparison.Ordinal)))
        {
            AtomicFile.WriteAllText(Path.Combine(folder, name), text);
        }
    }

    /// <summary>Writes the folder for TRL, whole or not at all.</summary>
    /// <param name="folder">The folder as this machine names it; must not exist.</param>
    /// <param name="job">The run.</param>
    /// <param name="cluster">The machines.</param>
    /// <exception cref="RunSpecException">TRL cannot do what the specification asks.</exception>
    /// <exception cref="IOException">The folder exists already, or the disk refuses; nothing has changed.</exception>
    public static void WriteTrl(string folder, ClusterJob job, ClusterOptions cluster)
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentNullException.ThrowIfNull(cluster);
        Require(TrlSettings.Faults(job.Spec, cluster), "TRL");
        var settings = TrlSettings.Of(job, cluster);
        var config = new JsonObject
        {
            ["model"] = job.Model,
            ["grpo"] = new JsonObject(settings.Select(setting => KeyValuePair.Create(setting.Key, (JsonNode?)setting.Value))),
            ["lora"] = TrlSettings.Adapter(job.Spec),
        };
        var files = Files(job, cluster, ["coscientist_trl.py"]);
        files["config.json"] = config.ToJsonString(Pretty) + "\n";
        files[ScriptFile] = Script($"accelerate launch --num_machines {cluster.Nodes} --num_processes {cluster.Nodes * cluster.GpusPerNode} coscientist_trl.py");
        files["README.md"] = ClusterReadme.Of(job, "TRL", ClusterKeys.TrlVersion, [.. settings.Select(setting => new ClusterSetting(setting.Field, setting.Key, setting.Value.ToJsonString()))], TrlSettings.Warnings(job.Spec));
        Write(folder, files);
    }

    /// <summary>A row as verl reads it, which is TRL's, too. The rubric stands beside the prompt, never in it.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="split">"train" or "validation".</param>
    /// <param name="index">Its place in the file.</param>
    public static JsonObject Row(RunGoal goal, string split, int index)
    {
        ArgumentNullException.ThrowIfNull(goal);
        var prompt = PaperPrompts.WritePlan(goal.Text);
        return new JsonObject
        {
            ["data_source"] = VerlSettings.DataSource,
            ["prompt"] = new JsonArray(Message("system", prompt.System), Message("user", prompt.User)),
            ["ability"] = goal.Domain,
            ["reward_model"] = new JsonObject { ["style"] = "rubric", ["ground_truth"] = string.Join('\n', goal.Items.Select((item, k) => FormattableString.Invariant($"{k + 1}. {item.Text}"))) },
            ["extra_info"] = new JsonObject
            {
                ["split"] = split,
                ["index"] = index,
                ["goal_id"] = goal.Id,
                ["goal"] = goal.Text,
                ["rubric_version"] = goal.RubricVersion,
                ["rubric"] = new JsonArray([.. goal.Items.Select(item => new JsonObject { ["id"] = item.Id, ["text"] = item.Text, ["weight"] = item.Weight })]),
                ["reference_solution"] = goal.ReferenceSolution ?? "",
            },
        };

        static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
    }

    private static Dictionary<string, string> Files(ClusterJob job, ClusterOptions cluster, IReadOnlyList<string> own)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["train.jsonl"] = Rows(job.Data.Train, "train"),
            ["validation.jsonl"] = Rows(job.Data.Validation, "validation"),
            ["spec.json"] = JsonSerializer.Serialize(job.Spec, RunSpec.JsonOptions) + "\n",
            ["grader-prompt.txt"] = PaperPrompts.GraderTemplate,
            ["reward.json"] = RewardFile(job, cluster).ToJsonString(Pretty) + "\n",
        };
        foreach (var name in ClusterFiles.Common.Concat(own))
        {
            files[name] = ClusterFiles.Read(name);
        }

        return files;
    }

    private static Dictionary<string, string> VerlFiles(ClusterJob job, ClusterOptions cluster)
    {
        Require(VerlSettings.Faults(job.Spec), "verl");
        var settings = VerlSettings.Of(job, cluster);
        var files = Files(job, cluster, ["coscientist_verl.py", "coscientist_finish.py", "coscientist_parquet.py"]);
        files[ScriptFile] = VerlScript(job, cluster, settings);
        files["README.md"] = ClusterReadme.Of(job, "verl", ClusterKeys.VerlVersion, settings, VerlSettings.Warnings(job.Spec));
        return files;
    }

    private static string Rows(IReadOnlyList<RunGoal> goals, string split) =>
        string.Concat(goals.Select((goal, index) => Row(goal, split, index).ToJsonString(Lines) + "\n"));

    private static JsonObject RewardFile(ClusterJob job, ClusterOptions cluster)
    {
        var spec = job.Spec;
        return new JsonObject
        {
            ["protocol"] = PaperPrompts.Protocol,
            ["promptVersion"] = PaperPrompts.GraderVersion,
            ["maxWords"] = PaperPrompts.MaxPlanWords,
            ["seed"] = spec.Seed,
            ["parallel"] = cluster.ParallelGradings,
            ["reward"] = JsonSerializer.SerializeToNode(spec.Reward, RunSpec.JsonOptions),
            ["grading"] = JsonSerializer.SerializeToNode(spec.Grading, RunSpec.JsonOptions),
            ["grader"] = Server(job.Grader),
            ["judge"] = Server(job.Judge),
        };

        static JsonObject Server(ClusterGrader grader) => new()
        {
            ["endpoint"] = grader.Endpoint,
            ["model"] = grader.Model,
            ["keyVariable"] = grader.KeyVariable,
            ["timeoutSeconds"] = grader.TimeoutSeconds,
        };
    }

    private static string VerlScript(ClusterJob job, ClusterOptions cluster, IReadOnlyList<ClusterSetting> settings)
    {
        var command = new StringBuilder();
        command.Append("export VERL_FILE_LOGGER_PATH=\"${VERL_FILE_LOGGER_PATH:-$PWD/metrics.jsonl}\"\n");
        command.Append("export COSCIENTIST_GRADINGS=\"${COSCIENTIST_GRADINGS:-$PWD/gradings}\"\n");
        command.Append(Quoted(cluster.Python)).Append(" coscientist_grader.py\n");
        if (job.Spec.Lora.Rank > 0)
        {
            // verl saves adapters in shards of its own: they are made into PEFT folders while it trains.
            command.Append(Quoted(cluster.Python)).Append(" coscientist_finish.py checkpoints ");
        }

        command.Append(Quoted(cluster.Python)).Append(" -m verl.trainer.main_ppo");
        foreach (var setting in settings)
        {
            command.Append(" \\\n  ").Append(Quoted($"{setting.Key}={setting.Value}"));
        }

        return Script(command.ToString());
    }

    private static string Script(string command) => $"#!/bin/sh\nset -e\ncd \"$(dirname \"$0\")\"\n{command}\n";

    /// <summary>A word of a shell's command line, whatever it holds.</summary>
    internal static string Quoted(string word) => word.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '/' or '=' or '-' or ':')
        ? word
        : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static void Require(IReadOnlyList<RunSpecFault> faults, string trainer)
    {
        if (faults.Count > 0)
        {
            throw new RunSpecException($"The specification, for {trainer},", faults);
        }
    }

    private static void Write(string folder, Dictionary<string, string> files) => AtomicFolder.Create(folder, temporary =>
    {
        foreach (var (name, text) in files)
        {
            var path = Path.Combine(temporary, name);
            AtomicFile.WriteDurably(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            if (name == ScriptFile && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute);
            }
        }
    });
}
