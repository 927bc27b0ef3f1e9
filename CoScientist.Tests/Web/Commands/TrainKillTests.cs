using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Core.Runs;
using CoScientist.Tests.Shared;
using CoScientist.Web.Configuration;

namespace CoScientist.Tests.Web.Commands;

/// <summary>Kills the training process again and again, as a power cut would, and compares with a run that nobody disturbed. COSCIENTIST_KILLS sets how often; 10 is a good number.</summary>
[Trait("Database", "any")]
public sealed class TrainKillTests(ITestOutputHelper output) : IDisposable
{
    private const string Run = "sandbox-quick-1";
    private static readonly int s_kills = int.TryParse(Environment.GetEnvironmentVariable("COSCIENTIST_KILLS"), NumberStyles.None, CultureInfo.InvariantCulture, out var kills) && kills > 0 ? kills : 3;

    // Two steps a kill are enough: rarely are more done between two.
    private static readonly string[] s_start =
    [
        "train", "--preset", "sandbox-quick", "--set", FormattableString.Invariant($"steps={2 + (2 * s_kills)}"), "--set", "goalsPerStep=2", "--set", "groupSize=2", "--set", "evaluateEvery=1", "--set", "validationGoals=3", "--set", "testGoals=3",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("coscientist-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Train_KilledAgainAndAgain_ResumesToTheSameNumbers()
    {
        var calm = RunAsync("calm", s_start);
        var random = new SeededRandom(7);
        var arguments = s_start;
        var (kills, finished) = (0, false);
        while (kills < s_kills && !finished)
        {
            // Some before the database is open, the others during the steps.
            finished = !await KillAsync("rough", arguments, kills % 3 == 0 ? null : 1, TimeSpan.FromMilliseconds(random.Next(kills % 3 == 0 ? 900 : 150)));
            kills += finished ? 0 : 1;
            if (Directory.Exists(Path.Combine(_folder, "rough", "runs", Run)))
            {
                arguments = ["train", "--resume", Run];
            }
        }

        // A machine that looks away for long lets the run end before the last kill.
        Assert.InRange(kills, (s_kills + 1) / 2, s_kills);
        if (!finished)
        {
            await RunAsync("rough", arguments);
        }

        await calm;
        output.WriteLine(FormattableString.Invariant($"{kills} kills"));
        Assert.Equal(Numbers("calm"), Numbers("rough"));
        foreach (var file in new[] { RunFolder.EvaluationFile, RunFolder.SamplesFile })
        {
            Assert.Equal(Written("calm", file), Written("rough", file));
        }
    }

    /// <summary>Runs to the end and fails on an error.</summary>
    private async Task RunAsync(string data, string[] arguments)
    {
        using var process = Start(data, arguments, out var errors);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await errors);
    }

    /// <summary>Kills it some time after it has written so many more lines of metrics (null: after its start); false when the run had ended before.</summary>
    private async Task<bool> KillAsync(string data, string[] arguments, int? moreLines, TimeSpan delay)
    {
        var metrics = Path.Combine(_folder, data, "runs", Run, RunFolder.MetricsFile);
        var before = Lines(metrics);
        using var process = Start(data, arguments, out var errors);
        while (moreLines is { } lines && Lines(metrics) < before + lines && !process.HasExited)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        await Task.Delay(delay, TestContext.Current.CancellationToken);
        if (process.HasExited)
        {
            var said = await errors;
            Assert.True(process.ExitCode == 0 || said.Contains("is finished and cannot be resumed", StringComparison.Ordinal), said);
            return false;
        }

        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return true;
    }

    private static int Lines(string file)
    {
        if (!File.Exists(file))
        {
            return 0;
        }

        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd().Count(c => c == '\n');
    }

    private Process Start(string data, string[] arguments, out Task<string> errors)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["exec", typeof(CoScientist.Web.Configuration.CoScientistOptions).Assembly.Location, .. arguments, .. TestData.Arguments(Path.Combine(_folder, data))])
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        return process;
    }

    /// <summary>The lines of a file without what is each library's own: the keys of its goals and items.</summary>
    private List<string> Written(string data, string file)
    {
        var lines = File.ReadAllLines(Path.Combine(_folder, data, "runs", Run, file));
        Assert.NotEmpty(lines);
        return [.. lines.Select(line => WithoutKeys(JsonNode.Parse(line)!).ToJsonString())];
    }

    private static JsonNode WithoutKeys(JsonNode node)
    {
        if (node is JsonObject fields)
        {
            foreach (var name in fields.Select(field => field.Key).Where(name => name.EndsWith("Id", StringComparison.Ordinal)).ToArray())
            {
                fields.Remove(name);
            }
        }

        foreach (var child in node switch { JsonObject o => o.Select(field => field.Value), JsonArray a => a, _ => [] })
        {
            if (child is JsonObject or JsonArray)
            {
                WithoutKeys(child);
            }
        }

        return node;
    }

    private List<string> Numbers(string data)
    {
        var history = new RunHistory(new RunFolder(Path.Combine(_folder, data, "runs", Run)));
        history.Refresh();
        return [.. history.Steps.SelectMany(step => step.Values
            .Where(value => !RunMetricNames.IsTiming(value.Key))
            .OrderBy(value => value.Key, StringComparer.Ordinal)
            .Select(value => $"{step.Step} {value.Key} {BitConverter.DoubleToInt64Bits(value.Value):x16}"))];
    }
}
