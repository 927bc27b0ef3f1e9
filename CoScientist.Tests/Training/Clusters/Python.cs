using System.Diagnostics;
using System.Text.Json;
using CoScientist.Training.Clusters;

namespace CoScientist.Tests.Training.Clusters;

/// <summary>Runs our Python files as a bare Python 3 does: no site packages, no environment, no folder of its own on the path.</summary>
internal static class Python
{
    /// <summary>Skips the test where there is no Python.</summary>
    public static void Require()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("python3", "--version") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true });
            process!.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("There is no python3 on this machine.");
        }
    }

    /// <summary>Runs a script beside our files.</summary>
    /// <param name="folder">Where our files lie.</param>
    /// <param name="script">The script; finds them on its path.</param>
    /// <param name="input">Given to it as JSON on its standard input.</param>
    /// <returns>What it printed, read as JSON, and what it said of faults.</returns>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string folder, string script, object? input = null, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("python3") { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var argument in new[] { "-I", "-S", "-c", $"import sys, json\nsys.dont_write_bytecode = True\nsys.path.insert(0, {JsonSerializer.Serialize(folder)})\n{script}" })
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(JsonSerializer.Serialize(input));
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }

    /// <summary>Puts files of ours into a folder.</summary>
    public static void Unpack(string folder, params IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            File.WriteAllText(Path.Combine(folder, name), ClusterFiles.Read(name));
        }
    }
}
