using System.Text.Json;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage.Backups;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests.Core.Fuzzing;

// What a run is to do, and what it wrote down.
internal sealed partial class FuzzedParsers
{
    private FuzzedParser Specification(string name)
    {
        var run = new RunFolder(folder.File("run"));
        switch (name)
        {
            case "specification":
                return new FuzzedParser(Texts(JsonSerializer.Serialize(RunPresets.Find("sandbox-grpo")!.Spec, RunSpec.JsonOptions)), bytes => RunSpecFile.Parse("spec.json", Text(bytes)).Steps > 0, fault => IsOfSpec(fault, "spec.json"));
            case "set":
                return new FuzzedParser(Texts("steps=24\nevaluateEvery=1\nreward.clip=0.5\ndata.domains=ml,bio\nseed=7"), bytes => RunPresets.Apply(RunPresets.Find("sandbox-quick")!.Spec, Text(bytes).Split('\n').Where(line => !line.StartsWith("reward.clip", StringComparison.Ordinal)), "--set").Steps > 0, fault => IsOfSpec(fault, "--set"));
            case "backup":
                return OfFile("backup/" + BackupManifest.FileName, Texts("""{"version":1,"createdAt":"2026-01-02T03:04:05+00:00","program":"1.0","schema":"20260101","hasKeys":true,"leftOut":["models/x"],"files":{"coscientist.db":{"bytes":5,"sha256":"00"},"runs/r-1/spec.json":{"bytes":2,"sha256":"11"}}}"""), path => BackupManifest.Read(Path.GetDirectoryName(path)!).Bytes > 0);
            case "metrics":
                return OfFile("run/" + RunFolder.MetricsFile, Texts("{\"step\":1,\"reward\":0.5,\"loss\":-1e-3}\n{\"reward\":0.75,\"step\":2}\n"), _ => new RunJournal(run).Metrics().Count > 0 && RunHistory.ReadNewest(run) is not null);
            case "samples":
                return OfFile("run/" + RunFolder.SamplesFile, Texts(string.Concat(new[] { 1, 2 }.Select(step => RunJournal.Line(new RunSample(step, "validation", "g", "goal é", "plan", 0.5, null, 1, [new RunSampleItem("item", true, 0.9, null)])) + "\n"))), _ => run.SampleSteps().Count > 0 && run.ReadSamples(1).Count >= 0 && run.SearchSamples("plan", 5, CancellationToken.None).Found >= 0);
            case "evaluation":
                return OfFile("run/" + RunFolder.EvaluationFile, Texts(RunJournal.Line(new RunEvaluationRow { Writer = RunEvaluationRow.Best, GoalId = "g", Plan = "plan" }) + "\n"), _ => run.ReadEvaluation().Count > 0);
            case "events":
                var events = new TensorBoardFile(folder.File("good.tfevents"), TimeProvider.System);
                events.Append(new RunMetrics(1, new Dictionary<string, double>(StringComparer.Ordinal) { ["reward"] = 0.5 }));
                events.Append(new RunMetrics(2, new Dictionary<string, double>(StringComparer.Ordinal) { ["reward"] = 0.6 }));
                return OfFile("run/" + RunFolder.EventsFile, [File.ReadAllBytes(folder.File("good.tfevents"))], path => new TensorBoardFile(path, TimeProvider.System).TruncateAfter(2) is not null);
            default:
                return OfFile("evaluation/" + EvaluationFolder.PlansFile, Texts("""{"model":"m","goal":"g","sample":1,"seed":5,"text":"plan","tokens":9,"finished":true,"wellFormed":true}""" + "\n"), path => new EvaluationFolder(Path.GetDirectoryName(path)!).ReadPlans().Count > 0);
        }
    }

    private static bool IsOfSpec(Exception fault, string source) => fault is RunSpecException && fault.Message.StartsWith(source, StringComparison.Ordinal);
}
