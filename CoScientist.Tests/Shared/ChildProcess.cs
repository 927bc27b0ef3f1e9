using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace CoScientist.Tests.Shared;

/// <summary>This assembly as another process, which tests may kill, or take rights and room from.</summary>
internal static class ChildProcess
{
    private const string Variable = "COSCIENTIST_TEST_CHILD";

    /// <summary>Does the work and ends, where the variable asks for it.</summary>
    [ModuleInitializer]
    internal static void RunAsChild()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { } asked)
        {
            Environment.SetEnvironmentVariable(Variable, null);
            var parts = asked.Split('|');
            var type = typeof(ChildProcess).Assembly.GetType(parts[0], throwOnError: true)!;
            var work = (Task)type.GetMethod(parts[1], System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.NonPublic)!.Invoke(null, [parts[2]])!;
            work.GetAwaiter().GetResult();
            Environment.Exit(0);
        }
    }

    /// <summary>Starts a static method of a test class, <c>Task Name(string argument)</c>, in a process of its own.</summary>
    public static Process Start(Type type, string method, string argument)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add("exec");
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        }

        start.Environment[Variable] = $"{type.FullName}|{method}|{argument}";
        // Code pages are kept in a file twice its size, which a limit on sizes would forbid.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>The same, to its end.</summary>
    /// <returns>The lines it wrote.</returns>
    public static async Task<string[]> RunAsync(Type type, string method, string argument)
    {
        var token = TestContext.Current.CancellationToken;
        using var child = Start(type, method, argument);
        var errors = child.StandardError.ReadToEndAsync(token);
        var lines = await child.StandardOutput.ReadToEndAsync(token);
        await child.WaitForExitAsync(token);
        Assert.True(child.ExitCode == 0, lines + await errors);
        return lines.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
