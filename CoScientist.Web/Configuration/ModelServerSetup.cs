using CoScientist.Core.Storage;
using CoScientist.Core.TextModels;
using Microsoft.AspNetCore.DataProtection;

namespace CoScientist.Web.Configuration;

/// <summary>The services that call model servers, and the keys that protect theirs.</summary>
internal static class ModelServerSetup
{
    /// <summary>Adds them; nothing that needs a web server.</summary>
    public static IServiceCollection AddModelServers(this IServiceCollection services, CoScientistOptions options)
    {
        var keys = new DirectoryInfo(Path.Combine(options.DataDirectory, "keys"));
        services.AddDataProtection().SetApplicationName("CoScientist").PersistKeysToFileSystem(keys);
        services.AddSingleton(provider => new TextModels(
            provider.GetService<IConfiguration>() ?? TextModels.ReadConfiguration(),
            provider.GetRequiredService<ModelServerStore>(),
            provider.GetRequiredService<ModelCallStore>(),
            provider.GetRequiredService<TimeProvider>()));
        return services;
    }

    /// <summary>Makes the folder of the keys, which only the owner of the process may enter.</summary>
    public static void PrepareKeys(CoScientistOptions options)
    {
        var folder = Path.Combine(options.DataDirectory, "keys");
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(folder, Owner);
        File.SetUnixFileMode(folder, Owner);
    }
}
