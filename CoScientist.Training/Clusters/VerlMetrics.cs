using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Clusters;

/// <summary>Reads a line of verl's file logger (<c>{"step": 3, "data": {"critic/rewards/mean": 0.4, …}}</c>) into the names that the charts know.</summary>
internal static class VerlMetrics
{
    private const string Validation = "val-core/" + VerlSettings.DataSource + "/";

    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["critic/rewards/mean"] = RunMetricNames.Reward,
        ["actor/pg_loss"] = RunMetricNames.Loss,
        ["actor/pg_clipfrac"] = RunMetricNames.ClipRatio,
        ["actor/kl_loss"] = RunMetricNames.Kl,
        ["actor/reward_kl_penalty"] = RunMetricNames.Kl,
        ["actor/entropy"] = RunMetricNames.Entropy,
        ["actor/grad_norm"] = RunMetricNames.GradNorm,
        ["actor/lr"] = RunMetricNames.LearningRate,
        ["response_length/mean"] = RunMetricNames.MeanLength,
        ["response_length/clip_ratio"] = RunMetricNames.ClippedRatio,
        ["perf/time_per_step"] = RunMetricNames.StepTime,
    };

    /// <summary>The metrics of a line; null when it is none.</summary>
    /// <param name="line">The line.</param>
    /// <param name="tokensBefore">Tokens trained on before the step, which verl does not add up.</param>
    public static RunMetrics? Read(ReadOnlySpan<byte> line, double tokensBefore)
    {
        try
        {
            using var document = JsonText.Parse(line.ToArray());
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("step", out var step) || step.ValueKind != JsonValueKind.Number || !step.TryGetInt32(out var number) || !document.RootElement.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            var values = new Dictionary<string, double>(StringComparer.Ordinal);
            foreach (var metric in data.EnumerateObject().Where(metric => metric.Value.ValueKind == JsonValueKind.Number))
            {
                if (Names.TryGetValue(metric.Name, out var name) || (name = Judge(metric.Name)) is not null)
                {
                    values[name] = metric.Value.GetDouble();
                }
                else if (metric.Name == "perf/total_num_tokens")
                {
                    values[RunMetricNames.Tokens] = tokensBefore + metric.Value.GetDouble();
                }
            }

            if (values.TryGetValue(RunMetricNames.StepTime, out var seconds) && values.TryGetValue(RunMetricNames.Tokens, out var tokens) && seconds > 0)
            {
                values[RunMetricNames.TokensPerSecond] = (tokens - tokensBefore) / seconds;
            }

            return new RunMetrics(number, values);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // The reward of a validation row is the judge's score: "val-core/coscientist/reward/mean@1".
    private static string? Judge(string name) => name.StartsWith(Validation, StringComparison.Ordinal) && name.EndsWith("/mean@1", StringComparison.Ordinal) ? RunMetricNames.JudgeScore : null;
}
