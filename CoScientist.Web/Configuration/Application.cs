using CoScientist.Web.Accounts;
using CoScientist.Web.Components;
using CoScientist.Web.Instances;
using CoScientist.Web.Library;
using CoScientist.Web.Operation;
using CoScientist.Web.Runs;
using CoScientist.Web.Serving;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Hosting.StaticWebAssets;
using Radzen;

namespace CoScientist.Web.Configuration;

/// <summary>The web application: what <c>serve</c> starts, and what tests start on a port of their own.</summary>
internal static class Application
{
    /// <summary>Circuits whose network is lost that wait for it, for three minutes: a room full of experts, who all lose it at once.</summary>
    private const int CircuitsKept = 500;

    /// <summary>Builds the application over a data directory; nothing is opened or created before it starts.</summary>
    /// <param name="options">The data directory.</param>
    /// <param name="urls">Addresses to listen on.</param>
    /// <param name="servesModels">Whether checkpoints are served to other programs, once <see cref="ModelServing"/> has loaded them.</param>
    /// <param name="settings">Settings that hold over those of files and environment; for tests.</param>
    public static WebApplication Build(CoScientistOptions options, string urls, bool servesModels = false, IEnumerable<KeyValuePair<string, string?>>? settings = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(Application).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
            WebRootPath = FindWebRoot(),
        });
        StaticWebAssetsLoader.UseStaticWebAssets(builder.Environment, builder.Configuration);
        builder.Configuration.AddConfiguration(TextModels.ReadConfiguration());
        builder.Configuration.AddInMemoryCollection(settings);
        builder.WebHost.UseUrls(urls);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        // It would warn at every start that the keys in the data directory are not encrypted; neither is the database beside them.
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);

        builder.AddOperation();
        builder.Services.AddCoScientist(options);
        builder.Services.AddAccounts();
        builder.AddSingleSignOn();
        builder.Services.AddRunWorker();
        builder.Services.AddSingleton<ModelServing>();
        // Static text only: pages carry secrets, which compression beside a guess could give away.
        builder.Services.AddResponseCompression(compression =>
        {
            compression.EnableForHttps = true;
            compression.MimeTypes = ["text/css", "text/javascript", "image/svg+xml"];
        });
        builder.Services.AddRazorComponents().AddInteractiveServerComponents(circuits => circuits.DisconnectedCircuitMaxRetained = CircuitsKept);
        builder.Services.AddRadzenComponents();
        builder.Services.AddScoped<UserZone>();
        builder.Services.AddSingleton<HomeStore>();
        builder.Services.AddLibrary();
        builder.Services.AddInstanceLink(options);

        builder.AddHardening();

        var app = builder.Build();
        app.UseForwarding();
        app.UseExceptionHandler("/error", createScopeForErrors: true);
        app.UseStatusCodePagesWithReExecute("/not-found", createScopeForStatusCodePages: true);
        app.UseHeaders();
        // Open pages come back at once when the server lets go of them; taken in again, they would hold up its end for half a minute.
        app.Use((http, next) =>
        {
            if (!app.Lifetime.ApplicationStopping.IsCancellationRequested)
            {
                return next(http);
            }

            (http.Response.StatusCode, http.Response.Headers.Connection) = (StatusCodes.Status503ServiceUnavailable, "close");
            return Task.CompletedTask;
        });
        app.UseResponseCompression();
        app.UseStaticFiles(new StaticFileOptions
        {
            // Names do not change with the content, so browsers must ask; unchanged files answer 304.
            OnPrepareResponse = file => file.Context.Response.Headers.CacheControl = "no-cache",
        });
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseAntiforgery();
        app.MapOperation();
        app.MapClientScript();
        app.MapAccounts();
        app.MapSingleSignOn();
        if (servesModels)
        {
            app.MapChat();
        }

        app.MapRunDownloads();
        app.MapDownloads();
        app.MapStudyDownloads();
        // The policy of all answers already says who may frame the pages.
        app.MapRazorComponents<App>().AddInteractiveServerRenderMode(server => server.ContentSecurityFrameAncestorsPolicy = null);
        return app;
    }

    /// <summary><c>wwwroot</c> beside the published application, else beside the solution.</summary>
    private static string FindWebRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var root = Path.Combine(folder.FullName, "wwwroot");
            if (File.Exists(Path.Combine(root, "app.css")))
            {
                return root;
            }
        }

        throw new DirectoryNotFoundException($"No wwwroot folder with app.css at or above {AppContext.BaseDirectory}. Run from a clone, or publish with 'dotnet publish'.");
    }
}
