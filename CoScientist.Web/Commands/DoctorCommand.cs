using System.CommandLine;
using System.Globalization;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Sandbox;
using CoScientist.Web.Configuration;
using CoScientist.Web.Operation;

namespace CoScientist.Web.Commands;

/// <summary>Looks whether this machine and this data directory can do what will be asked of them, and says what to mend. Changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Check the processor's kernels, the sandbox's model, and the data directory: disk, database, checkpoints, runs");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var directory = DataDirectory.Resolve(parsed.GetValue(CommandContext.Data));
            using var pool = new WorkerPool();
            var machine = MachineProbe.Measure(pool);
            List<Finding> findings = [Sandbox(pool), .. await new DataCheck(DatabaseSetting.Options(parsed)).LookAsync(cancellationToken)];
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
            return new Finding("the sandbox's base model loads", Ok: true);
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return new Finding("the sandbox's base model does not load", Ok: false, fault.Message);
        }
    }

    /// <summary>All that was found.</summary>
    private sealed record Report(int Processors, long MemoryBytes, MachinePeak Machine, IReadOnlyList<KernelChoice> Kernels, string DataDirectory, IReadOnlyList<Finding> Findings);
}
