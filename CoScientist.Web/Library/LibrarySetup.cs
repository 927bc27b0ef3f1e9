using CoScientist.Web.ViewModels;

namespace CoScientist.Web.Library;

/// <summary>The services of the library's pages.</summary>
internal static class LibrarySetup
{
    /// <summary>Adds what pages of the library read, and the worker of their jobs.</summary>
    public static IServiceCollection AddLibrary(this IServiceCollection services)
    {
        services.AddSingleton<LibraryLists>();
        services.AddSingleton<LibraryStore>();
        services.AddSingleton<ImportSpool>();
        services.AddSingleton<LibraryWork>();
        services.AddSingleton<LibraryWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<LibraryWorker>());
        return services;
    }
}
