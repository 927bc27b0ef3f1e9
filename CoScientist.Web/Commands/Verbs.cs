using System.CommandLine;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Commands;

/// <summary>The command line. Each verb is one file of this folder; no verb means serve.</summary>
internal static class Verbs
{
    /// <summary>Makes it.</summary>
    public static RootCommand Create()
    {
        var root = new RootCommand("CoScientist: train and judge your own AI co-scientist.")
        {
            CommandContext.Data,
            DatabaseSetting.Option,
            CommandContext.Json,
            ImportCommand.Create(),
            TrainCommand.Create(),
            PlanCommand.Create(),
            GradeCommand.Create(),
            EvaluateCommand.Create(),
            SandboxCommand.Create(),
            BenchCommand.Create(),
            DoctorCommand.Create(),
            BackupCommand.Create(),
            BackupCommand.CreateRestore(),
            DataCommand.Create(),
            ReportCommand.Create(),
            ModelCommand.Create(),
            ServeCommand.Create(),
            ExtractCommand.Create(),
            CheckCommand.Create(),
            ExportCommand.Create(),
            AccountCommand.Create(),
        };
        ServeCommand.MakeDefault(root);
        return root;
    }
}
