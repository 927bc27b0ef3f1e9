using System.CommandLine;
using CoScientist.Web.Accounts;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Commands;

/// <summary><c>serve</c>, also what no verb means: the web application.</summary>
internal static class ServeCommand
{
    private static readonly Option<string> s_urls = new("--urls")
    {
        Description = "Addresses to listen on, separated by semicolons; port 0 takes a free one",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("ASPNETCORE_URLS") ?? "http://localhost:5080",
    };

    /// <summary>Makes the verb.</summary>
    public static Command Create()
    {
        var command = new Command("serve", "The web application (the default)") { s_urls };
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>Lets the bare command line do the same.</summary>
    public static void MakeDefault(RootCommand root)
    {
        root.Options.Add(s_urls);
        root.SetAction(RunAsync);
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = new CoScientistOptions { DataDirectory = DataDirectory.Resolve(parsed.GetValue(CommandContext.Data)) };
        using var directory = DataDirectoryLock.Acquire(options.DataDirectory, "serve", TimeProvider.System);
        var app = Application.Build(options, parsed.GetValue(s_urls)!);
        await using (app)
        {
            await DataDirectory.PrepareAsync(app.Services, cancellationToken);
            await app.StartAsync(cancellationToken);
            Console.Out.WriteLine($"Data directory: {options.DataDirectory}");
            foreach (var address in app.Urls)
            {
                Console.Out.WriteLine($"CoScientist is at {address}");
            }

            if (!await app.Services.GetRequiredService<AccountStore>().AnyAsync(cancellationToken))
            {
                Console.Out.WriteLine($"Nobody has an account yet. Open the address and enter this one-time code: {app.Services.GetRequiredService<SetupCode>().Value}");
            }

            await app.WaitForShutdownAsync(cancellationToken);
        }

        return 0;
    }
}
