using System.Globalization;
using System.Text;

namespace CoScientist.Tests.Load;

/// <summary>What a load showed.</summary>
internal sealed record LoadReport
{
    private const double PromisedMilliseconds = 250;
    private const double PromisedMegabytes = 1;
    private const double Megabyte = 1024 * 1024;

    /// <summary>What was asked.</summary>
    public required LoadPlan Plan { get; init; }

    /// <summary>The experts, after their work.</summary>
    public required IReadOnlyList<SimulatedExpert> Experts { get; init; }

    /// <summary>What the database kept.</summary>
    public required Kept Kept { get; init; }

    /// <summary>How long the load lasted after the warm-up.</summary>
    public required TimeSpan Lasted { get; init; }

    /// <summary>Answers seen taken before that, which are not timed.</summary>
    public required int Earlier { get; init; }

    /// <summary>Processor time of the server in that time.</summary>
    public required TimeSpan ServerProcessor { get; init; }

    /// <summary>Processor time of the simulation in that time.</summary>
    public required TimeSpan OwnProcessor { get; init; }

    /// <summary>Resident bytes of the server with one expert, before the others came.</summary>
    public required long MemoryOfOne { get; init; }

    /// <summary>Resident bytes of the server over the load: first after the warm-up, last at the end.</summary>
    public required IReadOnlyList<long> Memory { get; init; }

    /// <summary>Kills, and after how many of them a run was resumed.</summary>
    public required (int Kills, int Resumed) Faults { get; init; }

    /// <summary>Names and states of the runs, and steps done.</summary>
    public required IReadOnlyList<string> Runs { get; init; }

    /// <summary>Warnings and errors of the server.</summary>
    public required IReadOnlyList<string> Said { get; init; }

    /// <summary>The report, for people.</summary>
    public override string ToString()
    {
        var answers = Experts.SelectMany(expert => expert.Answers.Select((answer, i) => (Answer: answer, WarmUp: i < (expert == Experts[0] ? Plan.Alone : LoadPlan.WarmUp)))).ToList();
        var times = answers.Where(a => !a.WarmUp).Select(a => a.Answer.Milliseconds).OfType<double>().Order().ToList();
        var timed = answers.Count - Earlier;
        var text = new StringBuilder();
        Line($"{Plan.Experts} experts, an answer every {Plan.Pace} s each, for {Lasted.TotalSeconds:0} s after the warm-up; {Faults.Kills} kills, {Experts.Sum(e => e.Cuts)} cuts of the network{(Plan.CutSeconds > 0 ? $" for {Plan.CutSeconds} s each" : "")}, {(Plan.Slow > 0 ? Plan.Experts / Plan.Slow : 0)} slow machines");
        Line($"answers    {answers.Count} seen taken, {Kept.Stored} stored ({Kept.Unseen} of them not seen: a fault lay between), {Kept.Lost} lost, {Kept.Doubled} doubled");
        if (times.Count > 0)
        {
            Line($"time       from the key to the next pair: median {At(0.5):0} ms, 95% {At(0.95):0} ms, 99% {At(0.99):0} ms, most {times[^1]:0} ms ({times.Count} answers without a fault)");
        }

        Line($"processor  server {ServerProcessor.TotalSeconds:0.0} s = {ServerProcessor.TotalMilliseconds / Math.Max(1, timed):0.0} ms an answer, {100 * ServerProcessor / Lasted:0}% of one core; the simulation {OwnProcessor.TotalSeconds:0.0} s");
        if (Faults.Kills == 0 && Plan.Experts > 1)
        {
            Line($"memory     server {MemoryOfOne / Megabyte:0} MB with one expert; {string.Join(", ", Picked().Select(bytes => (bytes / Megabyte).ToString("0", CultureInfo.InvariantCulture)))} MB over the load");
            Line($"           per expert {PerExpert(Memory[0]):0.00} MB after the warm-up, {PerExpert(Memory[^1]):0.00} MB at the end, {PerExpert(Memory.Max()):0.00} MB at most");
            Line($"promises   95% under {PromisedMilliseconds} ms: {Says(times.Count > 0 && At(0.95) < PromisedMilliseconds)}; under {PromisedMegabytes} MB an expert: {Says(PerExpert(Memory.Max()) < PromisedMegabytes)}; nothing lost or doubled: {Says(Kept is { Lost: 0, Doubled: 0 })}");
        }

        Line($"network    {Experts.Sum(e => e.Reconnects)} times the circuit was found again, {Experts.Sum(e => e.Reloads)} times the page was loaded anew, {Experts.Sum(e => e.Again)} keys pressed again");
        if (Runs.Count > 0)
        {
            Line($"training   {Faults.Resumed} kills interrupted a run, which was resumed; {string.Join(", ", Runs)}");
        }

        foreach (var fault in Experts.SelectMany(e => e.Faults).Concat(Said).Take(20))
        {
            Line($"said       {fault}");
        }

        return text.ToString();

        double At(double share) => times[(int)(share * (times.Count - 1))];
        void Line(FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
    }

    private static string Says(bool holds) => holds ? "holds" : "does not hold";

    // One expert is already in what is subtracted.
    private double PerExpert(long memory) => (memory - MemoryOfOne) / Megabyte / (Plan.Experts - 1);

    private IEnumerable<long> Picked() => Enumerable.Range(0, 10).Select(i => Memory[i * (Memory.Count - 1) / 9]);
}
