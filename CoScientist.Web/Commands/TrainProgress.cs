using CoScientist.Core.Runs;
using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Commands;

/// <summary>What a run in the foreground shows on standard error: a bar on a terminal, a line per step otherwise.</summary>
internal sealed class TrainProgress(Run run, TimeProvider time, TextWriter output, bool bar) : IDisposable
{
    private const int BarWidth = 24;

    private readonly Lock gate = new();
    private (int Step, long At)? first;
    private string shown = "";

    /// <summary>Takes in an event of the run.</summary>
    public void Show(RunEvent told)
    {
        switch (told)
        {
            case RunMetrics metrics:
                ShowMetrics(metrics);
                break;
            case RunCheckpoint checkpoint when !bar:
                Say(FormattableString.Invariant($"checkpoint {checkpoint.Directory}{(checkpoint.IsBest ? ", the best so far" : "")}"));
                break;
            case RunLog line:
                Say(line.Message);
                break;
        }
    }

    /// <summary>A line for people.</summary>
    public void Say(string line)
    {
        lock (gate)
        {
            Wipe();
            output.WriteLine(line);
            output.Write(shown);
        }
    }

    /// <summary>Leaves the bar as it stands.</summary>
    public void End()
    {
        lock (gate)
        {
            if (shown.Length > 0)
            {
                output.WriteLine();
                shown = "";
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => End();

    private void ShowMetrics(RunMetrics metrics)
    {
        var now = time.GetTimestamp();
        first ??= (metrics.Step, now);
        var text = FormattableString.Invariant($"step {metrics.Step}/{run.TotalSteps}");
        text += Part(metrics, RunMetricNames.Reward, "reward", "0.000") + Part(metrics, RunMetricNames.MeanLength, "length", "0") + Part(metrics, RunMetricNames.StepTime, "seconds", "0.0");
        text += Part(metrics, RunMetricNames.JudgeScore, "judge", "0.000") + Part(metrics, RunMetricNames.JudgeSelfGrade, "self-grade", "0.000");
        if (metrics.Step > first.Value.Step && metrics.Step < run.TotalSteps)
        {
            var pace = time.GetElapsedTime(first.Value.At, now) / (metrics.Step - first.Value.Step);
            text += $", about {RunWords.Duration(pace * (run.TotalSteps - metrics.Step))} left";
        }

        var judged = metrics.Values.ContainsKey(RunMetricNames.JudgeScore);
        if (!bar || judged)
        {
            Say(text);
        }

        if (bar && !judged)
        {
            lock (gate)
            {
                var full = run.TotalSteps == 0 ? 0 : BarWidth * metrics.Step / run.TotalSteps;
                Wipe();
                shown = $"[{new string('#', full)}{new string('.', BarWidth - full)}] {text}";
                output.Write(shown);
            }
        }
    }

    private static string Part(RunMetrics metrics, string name, string label, string format) =>
        metrics.Values.TryGetValue(name, out var value) ? $", {label} {value.ToString(format, System.Globalization.CultureInfo.InvariantCulture)}" : "";

    private void Wipe()
    {
        if (shown.Length > 0)
        {
            output.Write('\r' + new string(' ', shown.Length) + '\r');
        }
    }
}
