using System.CommandLine;
using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;
using CoScientist.Web.Serving;

namespace CoScientist.Web.Commands;

/// <summary><c>serve</c>, also what no verb means: the web application.</summary>
internal static class ServeCommand
{
    private static readonly Option<string> s_urls = new("--urls")
    {
        Description = "Addresses to listen on, separated by semicolons; port 0 takes a free one",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("ASPNETCORE_URLS") ?? "http://localhost:5080",
    };

    private static readonly Option<string[]> s_models = new("--models")
    {
        Description = "Checkpoints to serve to other programs at /v1/chat/completions, by name; off by default (also CoScientist:Serve:Models)",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string> s_dtype = Dtype.Create();

    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var command = new Command("serve", "The web application (the default)") { s_urls, s_models, s_dtype };
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>Lets the bare command line do the same.</summary>
    public static void MakeDefault(RootCommand root)
    {
        root.Options.Add(s_urls);
        root.Options.Add(s_models);
        root.Options.Add(s_dtype);
        root.SetAction(RunAsync);
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = DatabaseSetting.Options(parsed);
        using var directory = DataDirectoryLock.Enter(options, "serve", TimeProvider.System);
        var models = Models(parsed);
        var app = Application.Build(options, parsed.GetValue(s_urls)!, models.Length > 0);
        await using (app)
        {
            await DataDirectory.PrepareAsync(app.Services, cancellationToken);
            var drawn = models.Length == 0 ? null : await app.Services.GetRequiredService<ModelServing>()
                .StartAsync(models, Environment.GetEnvironmentVariable(ModelServing.KeyVariable), Dtype.Of(parsed.GetValue(s_dtype)!), cancellationToken);
            await app.StartAsync(cancellationToken);
            await app.Services.GetRequiredService<AuditTrail>().RecordAsync(null, AuditKind.Operation, $"{Environment.MachineName}:{Environment.ProcessId}", $"started version {BackupCommand.Version}{(models.Length > 0 ? $", serving {string.Join(", ", models)}" : "")}", null, cancellationToken);
            Console.Out.WriteLine($"Data directory: {options.DataDirectory}");
            foreach (var address in app.Urls)
            {
                Console.Out.WriteLine($"CoScientist is at {address}");
            }

            if (models.Length > 0)
            {
                Console.Out.WriteLine($"Served at /v1: {string.Join(", ", models)}. Key: {drawn ?? $"the one in {ModelServing.KeyVariable}"}");
            }

            if (!await app.Services.GetRequiredService<AccountStore>().AnyAsync(cancellationToken))
            {
                if (options.UsesPostgres)
                {
                    await app.Services.GetRequiredService<SetupCode>().ShareAsync(options.DataDirectory, cancellationToken);
                }

                Console.Out.WriteLine($"Nobody has an account yet. Open the address and enter this one-time code: {app.Services.GetRequiredService<SetupCode>().Value}");
            }

            await app.WaitForShutdownAsync(cancellationToken);
        }

        return 0;
    }

    private static string[] Models(ParseResult parsed)
    {
        var named = parsed.GetValue(s_models)!;
        var all = named.Length > 0 ? named : [TextModels.ReadConfiguration()["CoScientist:Serve:Models"] ?? ""];
        return [.. all.SelectMany(names => names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Distinct(StringComparer.Ordinal)];
    }
}
