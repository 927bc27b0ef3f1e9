using System.Globalization;
using System.Text;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace CoScientist.Tests.Shared;

/// <summary>Makes a library with many finished runs, as a group has them after some months: rows, metrics, checkpoints and, for the last, samples.</summary>
internal static class ManyRuns
{
    private static readonly string[] s_metrics =
    [
        RunMetricNames.Reward, RunMetricNames.SelfGrade, RunMetricNames.RewardStd, RunMetricNames.ZeroStd, RunMetricNames.Kl, RunMetricNames.Entropy, RunMetricNames.ClipRatio,
        RunMetricNames.MeanLength, RunMetricNames.ClippedRatio, RunMetricNames.Tokens, RunMetricNames.StepTime, RunMetricNames.TokensPerSecond, RunMetricNames.GradNorm,
        RunMetricNames.LearningRate, RunMetricNames.FormatViolation, RunMetricNames.GraderFailure, RunMetricNames.ProfileProducts, RunMetricNames.ProfileAttention,
        RunMetricNames.ProfileOther, RunMetricNames.ProfileWaiting,
    ];

    /// <summary>Metric points of a step.</summary>
    public static int PointsPerStep => s_metrics.Length;

    /// <summary>Adds the runs "many-1" to "many-COUNT".</summary>
    /// <param name="services">Services of an application.</param>
    /// <param name="count">Runs.</param>
    /// <param name="steps">Steps of each.</param>
    /// <param name="samplesPerStep">Samples of each step of the last run.</param>
    public static async Task AddAsync(IServiceProvider services, int count, int steps, int samplesPerStep)
    {
        var options = services.GetRequiredService<CoScientistOptions>();
        await using var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        var metrics = Metrics(steps);
        var began = DateTimeOffset.UnixEpoch.AddYears(56);
        for (var number = 1; number <= count; number++)
        {
            var spec = new RunSpec { Name = "many", Steps = steps, EvaluateEvery = Math.Max(1, steps / 10), Seed = number };
            var run = new Run
            {
                Id = TypedId.New<RunId>(TimeProvider.System),
                Name = FormattableString.Invariant($"many-{number}"),
                State = RunState.Finished,
                SpecJson = JsonSerializer.Serialize(spec, RunSpec.JsonOptions),
                Step = steps,
                TotalSteps = steps,
                BestStep = steps,
                IsSandbox = true,
                CreatedAt = began.AddHours(number),
                StartedAt = began.AddHours(number),
                EndedAt = began.AddHours(number).AddMinutes(20),
            };
            db.Runs.Add(run);
            for (var step = spec.EvaluateEvery; step <= steps; step += spec.EvaluateEvery)
            {
                db.Checkpoints.Add(new Checkpoint
                {
                    Id = TypedId.New<CheckpointId>(TimeProvider.System),
                    Name = RunCheckpointStore.NameOf(run.Name, step),
                    RunId = run.Id,
                    Step = step,
                    Path = $"runs/{run.Name}/{RunFolder.CheckpointDirectory(step)}",
                    JudgeScore = (double)step / steps,
                    IsSandbox = true,
                    CreatedAt = run.CreatedAt,
                });
            }

            var folder = new RunFolder(options.RunDirectory(run.Name));
            Directory.CreateDirectory(folder.Path);
            await File.WriteAllBytesAsync(folder.File(RunFolder.MetricsFile), metrics, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(folder.File(RunFolder.LogFile), string.Concat(Enumerable.Range(0, 40).Select(line => $"{{\"message\":\"line {line}\",\"step\":{line}}}\n")), TestContext.Current.CancellationToken);
            if (number == count)
            {
                WriteSamples(folder, steps, samplesPerStep);
            }
        }

        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Makes one of them a run at work with more steps before it.</summary>
    public static async Task<RunId> SetToWorkAsync(IServiceProvider services, string name, int steps)
    {
        await using var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        var run = await db.Runs.SingleAsync(run => run.Name == name, TestContext.Current.CancellationToken);
        (run.State, run.TotalSteps) = (RunState.Running, steps);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return run.Id;
    }

    /// <summary>It does another step, and pages are told.</summary>
    public static async Task AddStepAsync(IServiceProvider services, RunId id, string name, int step)
    {
        var metrics = Step(step);
        var folder = new RunFolder(services.GetRequiredService<CoScientistOptions>().RunDirectory(name));
        await File.AppendAllTextAsync(folder.File(RunFolder.MetricsFile), RunHistory.Format(metrics) + "\n", TestContext.Current.CancellationToken);
        await using var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        await db.Runs.Where(run => run.Id == id).ExecuteUpdateAsync(set => set.SetProperty(run => run.Step, step), TestContext.Current.CancellationToken);
        services.GetRequiredService<RunEvents>().Publish(id, metrics);
    }

    private static RunMetrics Step(int step) => new(
        step,
        s_metrics.Select((name, index) => (name, Value: Math.Sin((step * .01) + index) + (.001 * (step % 7)))).ToDictionary(pair => pair.name, pair => pair.Value, StringComparer.Ordinal));

    private static byte[] Metrics(int steps)
    {
        var text = new StringBuilder();
        for (var step = 1; step <= steps; step++)
        {
            text.Append(RunHistory.Format(Step(step))).Append('\n');
            if (step % Math.Max(1, steps / 10) == 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{{\"step\":{step},\"judge/score\":{(double)step / steps:0.000},\"judge/self_grade\":0.5}}\n");
            }
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static void WriteSamples(RunFolder folder, int steps, int perStep)
    {
        using var writer = new StreamWriter(folder.File(RunFolder.SamplesFile));
        var plan = string.Join(' ', Enumerable.Repeat("we measure the share of plans that name a control .", 12));
        RunSampleItem[] items = [.. Enumerable.Range(0, 10).Select(item => new RunSampleItem($"names the control of part {item}", item % 2 == 0, .5, null))];
        for (var step = 1; step <= steps; step++)
        {
            for (var sample = 0; sample < perStep; sample++)
            {
                writer.Write(JsonSerializer.Serialize(new RunSample(step, "train", $"goal-{sample / 8}", "Find out whether it holds.", plan, .5, .5, null, items), RunFolder.LineOptions) + "\n");
            }
        }
    }
}
