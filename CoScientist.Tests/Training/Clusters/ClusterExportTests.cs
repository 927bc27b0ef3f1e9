using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Tests.Core.Grading;
using CoScientist.Tests.Shared;
using CoScientist.Training.Clusters;

namespace CoScientist.Tests.Training.Clusters;

public sealed class ClusterExportTests : IDisposable
{
    private const string Rewarding = """
        import asyncio, coscientist_verl as v, coscientist_grader as c
        waits = []
        c.Grader.__init__.__defaults__ = (waits.append,)
        async def one(answer, info):
            try:
                return (await v.compute_score("coscientist", answer, "", info))["score"]
            except c.Ungraded as fault:
                return "ungraded: " + str(fault)
        async def all(given):
            return [await one(answer, info) for answer, info in given]
        print(json.dumps({"scores": asyncio.run(all(json.load(sys.stdin))), "waits": len(waits)}))
        """;

    private static readonly RunGoal Goal = new("g1", "ml", "Find it.", null, "A way.", 2, [new RunItem("i1", 0, "splits by patient"), new RunItem("i2", 1, "names a control", 3)]);

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("cluster-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Row_OfAGoal_HasVerlsSchemaAndNoRubricInThePrompt()
    {
        var row = ClusterExport.Row(Goal, "train", 4);

        Assert.Equal(["data_source", "prompt", "ability", "reward_model", "extra_info"], row.Select(field => field.Key));
        Assert.Equal(["system", "user"], row["prompt"]!.AsArray().Select(message => (string)message!["role"]!));
        Assert.Equal("rubric", (string)row["reward_model"]!["style"]!);
        Assert.Equal(4, (int)row["extra_info"]!["index"]!);
        Assert.Equal(3, (double)row["extra_info"]!["rubric"]![1]!["weight"]!);
        var prompt = row["prompt"]!.ToJsonString();
        Assert.Contains("Find it.", prompt, StringComparison.Ordinal);
        Assert.DoesNotContain("patient", prompt, StringComparison.Ordinal);
        Assert.DoesNotContain("A way.", prompt, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WriteVerl_WholeFolder_RunsWithOneCommandThatNamesEverySetting()
    {
        Python.Require();
        var target = Path.Combine(folder.FullName, "it's here");
        var job = Job("http://j/v1", new LoraSpec { Rank = 8 });

        ClusterExport.WriteVerl(target, job, new ClusterOptions());

        // A shell reads the command as it was meant, whatever stands in the names; the trainer is played by a script that tells its arguments.
        var script = await File.ReadAllTextAsync(Path.Combine(target, "run.sh"), TestContext.Current.CancellationToken);
        var only = script[script.IndexOf("python3 coscientist_finish.py checkpoints python3 -m verl", StringComparison.Ordinal)..];
        var (code, output, error) = await Python.RunAsync(target, "import subprocess\nprint(json.dumps(subprocess.run(['sh', '-c', json.load(sys.stdin)], capture_output=True, text=True).stdout.split('\\n')))", only.Replace("python3 coscientist_finish.py checkpoints python3 -m verl.trainer.main_ppo", "printf '%s\\n'", StringComparison.Ordinal));
        Assert.True(code == 0, error);
        Assert.Equal(VerlSettings.Of(job, new ClusterOptions()).Select(setting => $"{setting.Key}={setting.Value}"), JsonSerializer.Deserialize<string[]>(output)!.SkipLast(1));
        Assert.Contains("| `learningRate` | `actor_rollout_ref.actor.optim.lr` |", await File.ReadAllTextAsync(Path.Combine(target, "README.md"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Throws<IOException>(() => ClusterExport.WriteVerl(target, job, new ClusterOptions()));
    }

    [Fact]
    public void WriteTrl_WholeFolder_HasTheSettingsAndTheAdapter()
    {
        var target = Path.Combine(folder.FullName, "trl");
        var job = Job("http://j/v1", new LoraSpec { Rank = 8, Alpha = 16 }) with { Grader = new ClusterGrader("g", "http://g/v1") };
        job = job with { Spec = job.Spec with { Grader = "server:g" } };

        ClusterExport.WriteTrl(target, job, new ClusterOptions());

        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(target, "config.json")));
        Assert.Equal(8, config.RootElement.GetProperty("grpo").GetProperty("num_generations").GetInt32());
        Assert.Equal(16, config.RootElement.GetProperty("lora").GetProperty("lora_alpha").GetInt32());
        Assert.Contains("accelerate launch --num_machines 1 --num_processes 8 coscientist_trl.py", File.ReadAllText(Path.Combine(target, "run.sh")), StringComparison.Ordinal);
        Assert.Throws<RunSpecException>(() => ClusterExport.WriteTrl(Path.Combine(folder.FullName, "no"), Job("http://j/v1", new LoraSpec()), new ClusterOptions()));
    }

    [Fact]
    public async Task ComputeScore_WithAServerThatFailsAndMumbles_RetriesAndNeverGivesAZero()
    {
        Python.Require();
        await using var server = await ScriptedModelServer.StartAsync((request, call) => Plan(request) switch
        {
            "good" => call == 1 ? (503, "busy") : (200, PaperAnswers.Of("none", "2,4")),
            "mumbled" => (200, "it is fine"),
            "judged" => (200, PaperAnswers.Of("none", "none")),
            _ => (401, "no key"),
        });
        var target = Path.Combine(folder.FullName, "out");
        ClusterExport.WriteVerl(target, Job(server.Endpoint.ToString(), new LoraSpec()) with { Grader = new ClusterGrader("g", server.Endpoint.ToString(), "G_KEY") }, new ClusterOptions());
        var (train, validation) = (ClusterExport.Row(Goal, "train", 0)["extra_info"]!, ClusterExport.Row(Goal, "validation", 0)["extra_info"]!);
        object[] given = [.. new[] { ("good", train), ("mumbled", train), ("refused", train), ("judged", validation) }.Select(pair => new object[] { $"<solution>{pair.Item1}</solution>", pair.Item2 })];

        var (code, output, error) = await Python.RunAsync(target, Rewarding, given, ("G_KEY", "secret"));

        Assert.True(code == 0, error);
        using var told = JsonDocument.Parse(output);
        var scores = told.RootElement.GetProperty("scores").EnumerateArray().Select(score => score.ToString()).ToArray();
        Assert.Equal("0.25", scores[0]);
        Assert.Equal("ungraded: there is no item in the answer", scores[1]);
        Assert.StartsWith("ungraded: HTTP 401", scores[2], StringComparison.Ordinal);
        Assert.Equal("1.0", scores[3]);
        Assert.Equal(1, told.RootElement.GetProperty("waits").GetInt32());
        Assert.Contains("Bearer secret", server.Authorizations);
        var notes = await File.ReadAllLinesAsync(Directory.GetFiles(Path.Combine(target, "gradings")).Single(), TestContext.Current.CancellationToken);
        Assert.Equal(["0.25", "", "", "1"], notes.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("reward").ToString().Replace(".0", "", StringComparison.Ordinal)));
        Assert.DoesNotContain("secret", string.Concat(Directory.GetFiles(target).Select(File.ReadAllText)), StringComparison.Ordinal);
    }

    private static string Plan(JsonElement request)
    {
        var user = request.GetProperty("messages")[1].GetProperty("content").GetString()!;
        return user[(user.IndexOf("<plan>\n", StringComparison.Ordinal) + 7)..user.IndexOf("\n</plan>", StringComparison.Ordinal)];
    }

    private static ClusterJob Job(string judge, LoraSpec lora)
    {
        var spec = new RunSpec { Name = "real", Model = "qwen", Judge = "server:judge", Data = new RunDataSpec { Sandbox = false }, Lora = lora };
        return new ClusterJob("real-1", spec, new RunData([Goal], [Goal], []), "/shared/it's here", "/models/qwen", new ClusterGrader("/models/qwen", null), new ClusterGrader("j", judge));
    }
}
