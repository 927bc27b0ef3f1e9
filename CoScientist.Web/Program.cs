using System.CommandLine;
using CoScientist.Web.Commands;
using CoScientist.Web.Configuration;

// The only wiring: each verb is one file in Commands; no verb means serve.
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
    ReportCommand.Create(),
    ModelCommand.Create(),
    ServeCommand.Create(),
    ExtractCommand.Create(),
    CheckCommand.Create(),
    ExportCommand.Create(),
    AccountCommand.Create(),
};
ServeCommand.MakeDefault(root);

return await CommandRunner.RunAsync(root, args, Console.Error);
