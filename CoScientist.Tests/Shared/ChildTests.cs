using System.Diagnostics;

namespace CoScientist.Tests.Shared;

/// <summary>Runs tests of this project in a process of their own: with other settings of the runtime, or with its heap to themselves.</summary>
internal static class ChildTests
{
    private const string Mark = "COSCIENTIST_CHILD_TESTS";

    /// <summary>Whether this is such a process.</summary>
    public static bool Inside => Environment.GetEnvironmentVariable(Mark) is not null;

    /// <summary>Runs them, and fails with what they print unless there are some and all pass.</summary>
    /// <param name="methods">Full names of test methods, with <c>*</c> at the end for all that begin so.</param>
    /// <param name="environment">Variables to set in the process.</param>
    public static async Task PassAsync(IEnumerable<string> methods, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "CoScientist.Tests" + (OperatingSystem.IsWindows() ? ".exe" : "")))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var method in methods)
        {
            start.ArgumentList.Add("-method");
            start.ArgumentList.Add(method);
        }

        start.Environment[Mark] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, output + await errors);
        Assert.Contains("Failed: 0", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
    }
}
