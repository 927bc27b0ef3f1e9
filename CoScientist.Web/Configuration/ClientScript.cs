using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace CoScientist.Web.Configuration;

/// <summary>Blazor's client script, taken out of the 9.0 assembly that carries it (see the project file) and served like a static file.</summary>
internal static class ClientScript
{
    private const string Path = "/_framework/blazor.web.js";
    private const string ResourceName = "_framework/blazor.web.js";
    private const string Carrier = "ClientScript.dll";

    private static readonly Lazy<Script?> s_script = new(Load);

    /// <summary>The address to put in a page; it changes with the content, so that browsers may keep the file for good.</summary>
    public static string Address => s_script.Value is { } script ? $"{Path}?v={script.Hash}" : Path;

    /// <summary>Serves the script; does nothing when the application was built with the standard one.</summary>
    public static void MapClientScript(this IEndpointRouteBuilder endpoints)
    {
        if (s_script.Value is not { } script)
        {
            return;
        }

        endpoints.MapGet(Path, (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = http.Request.Query["v"] == script.Hash ? "public, max-age=31536000, immutable" : "no-cache";
            return Results.Bytes(script.Content, "text/javascript", entityTag: new EntityTagHeaderValue($"\"{script.Hash}\""));
        }).AllowAnonymous();
    }

    private static Script? Load()
    {
        using var carrier = typeof(ClientScript).Assembly.GetManifestResourceStream(Carrier);
        if (carrier is null)
        {
            return null;
        }

        var content = ReadResource(carrier, ResourceName);
        return new Script(content, Convert.ToHexStringLower(SHA256.HashData(content))[..16]);
    }

    /// <summary>Reads an embedded resource of an assembly without loading the assembly: it was built for another runtime.</summary>
    private static byte[] ReadResource(Stream assembly, string name)
    {
        using var image = new PEReader(assembly);
        var metadata = image.GetMetadataReader();
        foreach (var handle in metadata.ManifestResources)
        {
            var resource = metadata.GetManifestResource(handle);
            if (!metadata.StringComparer.Equals(resource.Name, name))
            {
                continue;
            }

            // A resource is its length in four bytes, then its content.
            var directory = image.PEHeaders.CorHeader!.ResourcesDirectory;
            var reader = image.GetSectionData(directory.RelativeVirtualAddress).GetReader((int)resource.Offset, directory.Size - (int)resource.Offset);
            return reader.ReadBytes(reader.ReadInt32());
        }

        throw new InvalidDataException($"{Carrier} carries no resource '{name}'. Build with another ClientScriptVersion.");
    }

    private sealed record Script(byte[] Content, string Hash);
}
