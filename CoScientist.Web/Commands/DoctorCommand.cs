using System.CommandLine;
using System.Globalization;
using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;
using Microsoft.Data.Sqlite;

namespace CoScientist.Web.Commands;

/// <summary>Looks whether this machine and this data directory can do what will be asked of them, and says what to mend. Changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Check the processor's kernels, the sandbox's model and the data directory");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var directory = DataDirectory.Resolve(parsed.GetValue(CommandContext.Data));
            using var pool = new WorkerPool();
            var machine = MachineProbe.Measure(pool);
            List<Finding> findings = [Sandbox(pool), .. await DataAsync(directory, cancellationToken)];
            var report = new Report(
                Environment.ProcessorCount,
                GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
                machine,
                KernelSelection.All,
                directory,
                findings);
            CommandContext.Answer(parsed, report, [
                string.Create(CultureInfo.InvariantCulture, $"processors       {report.Processors}, {machine.ClockGHz:F1} GHz, {machine.Fp32Gflops:F0} GFLOP/s in fp32 together, {machine.MemoryGBps:F1} GB/s from memory"),
                string.Create(CultureInfo.InvariantCulture, $"memory           {report.MemoryBytes / 1073741824.0:F1} GiB"),
                .. report.Kernels.Select(kernel => $"{kernel.Numbers + " products",-17}{kernel.Kernel}: {kernel.Reason}"),
                $"data             {directory}",
                .. findings.Select(finding => $"{(finding.Ok ? "ok      " : "MEND    ")} {finding.What}{(finding.Remedy.Length > 0 ? ": " + finding.Remedy : "")}")]);
            return findings.TrueForAll(finding => finding.Ok) ? 0 : 1;
        });
        return command;
    }

    private static Finding Sandbox(WorkerPool pool)
    {
        try
        {
            using var engine = CpuEngine.LoadReadOnly(SandboxBaseModel.Directory, Precision.Single, pool);
            return new Finding("the sandbox's base model loads", Ok: true, "");
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new Finding("the sandbox's base model does not load", Ok: false, fault.Message);
        }
    }

    private static async Task<IReadOnlyList<Finding>> DataAsync(string directory, CancellationToken cancellationToken)
    {
        var options = new CoScientistOptions { DataDirectory = directory };
        if (!File.Exists(options.DatabaseFile))
        {
            return [new Finding("there are no data here yet", Ok: true, "the first start makes them")];
        }

        var findings = new List<Finding> { await DatabaseAsync(options.DatabaseFile, cancellationToken) };
        var models = Path.Combine(directory, "models");
        foreach (var broken in Directory.Exists(models) ? Directory.EnumerateDirectories(models).Select(Model).OfType<Finding>() : [])
        {
            findings.Add(broken);
        }

        return findings;
    }

    /// <summary>Reads every page of the database without writing to it.</summary>
    private static async Task<Finding> DatabaseAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            await connection.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA integrity_check(3)";
            var answer = await command.ExecuteScalarAsync(cancellationToken) as string;
            return answer == "ok"
                ? new Finding("the database is whole", Ok: true, "")
                : new Finding("the database is damaged", Ok: false, $"{answer}; stop the application, keep a copy of the folder and put a backup in its place");
        }
        catch (SqliteException fault)
        {
            return new Finding("the database cannot be read", Ok: false, $"{fault.Message}; stop the application, keep a copy of the folder and put a backup in its place");
        }
    }

    private static Finding? Model(string directory)
    {
        try
        {
            _ = CheckpointFolder.Open(directory);
            return null;
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new Finding($"model {Path.GetFileName(directory)} cannot be used", Ok: false, fault.Message);
        }
    }

    /// <summary>One thing looked at.</summary>
    private sealed record Finding(string What, bool Ok, string Remedy);

    /// <summary>All that was found.</summary>
    private sealed record Report(int Processors, long MemoryBytes, MachinePeak Machine, IReadOnlyList<KernelChoice> Kernels, string DataDirectory, IReadOnlyList<Finding> Findings);
}
