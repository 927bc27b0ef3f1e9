using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Web.Configuration;

/// <summary>Finding and preparing the data directory.</summary>
internal static class DataDirectory
{
    /// <summary>The named folder, else <c>CoScientist__DataDirectory</c>, else <c>data</c> beside the solution, else <c>data</c> in the working directory.</summary>
    public static string Resolve(string? named)
    {
        named ??= Environment.GetEnvironmentVariable("CoScientist__DataDirectory");
        if (!string.IsNullOrWhiteSpace(named))
        {
            return Path.GetFullPath(named);
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "CoScientist.sln")))
            {
                return Path.Combine(folder.FullName, "data");
            }
        }

        return Path.GetFullPath("data");
    }

    /// <summary>Creates the folder and brings the database to the current schema.</summary>
    public static async Task PrepareAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(services.GetRequiredService<CoScientistOptions>().DataDirectory);
        await using var db = await services.GetRequiredService<IDbContextFactory<CoScientistDb>>().CreateDbContextAsync(cancellationToken);
        await db.Database.MigrateAsync(cancellationToken);
    }
}
